-- What the report of today says; of any other moment: marts.progress_as_of(moment).
SELECT *
FROM marts.progress_as_of(
    (SELECT as_of_on + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND FROM core.dim_build),
    first_commune := coalesce(getvariable('first_commune'), ''),
    last_commune := coalesce(getvariable('last_commune'), '~'))
