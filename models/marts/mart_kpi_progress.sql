-- Progress as of today (moment: since when it has been so); for any other moment: marts.progress_as_of(moment).
SELECT *
FROM marts.progress_as_of(
    getvariable('moment'),
    first_commune := getvariable('first_commune'),
    last_commune := getvariable('last_commune'))
