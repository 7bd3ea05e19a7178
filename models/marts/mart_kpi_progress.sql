-- What the report of today says (moment: since when it has said so); of any other moment: marts.progress_as_of(moment).
SELECT *
FROM marts.progress_as_of(
    getvariable('moment'),
    first_commune := getvariable('first_commune'),
    last_commune := getvariable('last_commune'))
