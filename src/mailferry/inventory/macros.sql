-- name: macros
-- How values are read, for every format. Session macros: they are code, not data.
-- Few values are padded, and to look is a tenth of the work of trimming.
CREATE OR REPLACE TEMP MACRO bare(t) AS CASE WHEN prefix(t, ' ') OR suffix(t, ' ') OR prefix(t, chr(9)) OR suffix(t, chr(9))
    THEN trim(t, ' ' || chr(9)) ELSE t END;
CREATE OR REPLACE TEMP MACRO moment_of_culture(t) AS CASE
    WHEN getvariable('day_first') THEN try_strptime(replace(t, chr(8239), ' '), [
        '%d/%m/%Y %H:%M:%S', '%d.%m.%Y %H:%M:%S', '%d-%m-%Y %H:%M:%S', '%d/%m/%Y %I:%M:%S %p', '%d-%m-%Y %I:%M:%S %p',
        '%d/%m/%Y, %H:%M:%S', '%d.%m.%Y, %H:%M:%S', '%d/%m/%Y %H:%M', '%d.%m.%Y %H:%M', '%d-%m-%Y %H:%M',
        '%d/%m/%Y %I:%M %p', '%d/%m/%Y', '%d.%m.%Y', '%d-%m-%Y'])
    ELSE try_strptime(replace(t, chr(8239), ' '), [
        '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y, %I:%M:%S %p', '%m/%d/%Y, %H:%M:%S', '%m/%d/%Y %I:%M %p',
        '%m/%d/%Y %H:%M', '%m-%d-%Y %H:%M:%S', '%m/%d/%Y', '%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M', '%Y年%m月%d日 %H:%M:%S',
        '%Y.%m.%d %H:%M:%S', '%Y. %m. %d. %H:%M:%S', '%Y%m%dT%H%M%SZ'])
END;
-- UTC, to the second: exports of one event differ below it.
CREATE OR REPLACE TEMP MACRO moment(t) AS date_trunc('second', CASE
    WHEN suffix(t, 'Z') THEN TRY_CAST(t AS TIMESTAMP)
    WHEN regexp_matches(t, '\d[+-]\d\d:?\d\d$') THEN TRY_CAST(t AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
    ELSE coalesce(TRY_CAST(t AS TIMESTAMP), moment_of_culture(t))
END);
CREATE OR REPLACE TEMP MACRO address_of(t) AS CASE WHEN contains(t, '@') THEN lower(trim(t, ' <>"''')) ELSE '' END;
CREATE OR REPLACE TEMP MACRO domain_of(t) AS CASE WHEN contains(t, '@') THEN lower(regexp_extract(t, '@([^@>]*)>?$', 1)) ELSE '' END;
-- "10.1.2.3:51234", "[2001:db8::1]:25", "::ffff:10.1.2.3" without port and brackets.
CREATE OR REPLACE TEMP MACRO ip_of(t) AS CASE WHEN NOT contains(t, ':') THEN t ELSE regexp_replace(CASE
    WHEN prefix(t, '[') THEN lower(regexp_extract(t, '^\[([^\]]*)\]', 1))
    WHEN regexp_matches(t, '^\d+\.\d+\.\d+\.\d+:\d+$') THEN split_part(t, ':', 1)
    ELSE lower(trim(t)) END, '^::ffff:(\d+\.\d+\.\d+\.\d+)$', '\1') END;
CREATE OR REPLACE TEMP MACRO switch_of(t) AS CASE lower(trim(t))
    WHEN 'true' THEN true WHEN '$true' THEN true WHEN '1' THEN true WHEN 'yes' THEN true WHEN 'wahr' THEN true
    WHEN 'vrai' THEN true WHEN 'false' THEN false WHEN '$false' THEN false WHEN '0' THEN false WHEN 'no' THEN false
    WHEN 'falsch' THEN false WHEN 'faux' THEN false END;
CREATE OR REPLACE TEMP MACRO number_of(t) AS TRY_CAST(regexp_replace(t, '[\s,.'']', '', 'g') AS BIGINT);
CREATE OR REPLACE TEMP MACRO octets_of(t) AS coalesce(
    TRY_CAST(replace(replace(regexp_extract(t, '\(([\d.,]+) (?:bytes|バイト)\)', 1), ',', ''), '.', '') AS BIGINT), number_of(t));
CREATE OR REPLACE TEMP MACRO percent_of(t) AS TRY_CAST(replace(trim(t, ' %'), ',', '.') AS DOUBLE);
-- "TLSv1.2", "TLS1_2", "SP_PROT_TLS1_2_SERVER", "1.2" as "1.2".
CREATE OR REPLACE TEMP MACRO tls_of(t) AS CASE
    WHEN regexp_matches(t, '(?i)tls_?v?1[._]3') OR t = '1.3' THEN '1.3' WHEN regexp_matches(t, '(?i)tls_?v?1[._]2') OR t = '1.2' THEN '1.2'
    WHEN regexp_matches(t, '(?i)tls_?v?1[._]1') OR t = '1.1' THEN '1.1' WHEN regexp_matches(t, '(?i)tls_?v?1([._]0)?([^0-9._]|_SERVER|_CLIENT|$)') OR t = '1.0' THEN '1.0'
    ELSE '' END;
CREATE OR REPLACE TEMP MACRO key_of(t) AS CAST(md5(t) AS UUID);
-- How a Message-ID and a subject are made: numbers and what is mixed of letters and digits count as one letter each. The
-- place of the dots and a program's own word stay. Of a subject, how it begins.
CREATE OR REPLACE TEMP MACRO shape_of(message_id, subject) AS
    left(regexp_replace(regexp_replace(split_part(message_id, '@', 1), '[A-Za-z0-9]*(?:[0-9][A-Za-z]|[A-Za-z][0-9])[A-Za-z0-9]*', 'x', 'g'), '[0-9]+', '9', 'g'), 40)
    || '|' || left(regexp_replace(left(subject, 16), '[0-9]+', '9', 'g'), 12);
