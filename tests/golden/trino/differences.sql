-- Where an engine's own words give another answer without saying so; the question after each name shows Trino's.

-- integer division cuts towards zero
select 7/2, -7/2, 7/-2, -7/-2, 1/2, 0/5
select x/y from (values (7,2),(-7,2),(7,-2),(null,2)) t(x,y) order by 1
-- integer division is exact beyond 2^53
select 9007199254740993/1, 9223372036854775807/2, -9223372036854775807/3, x/10 from (values 9007199254740993) t(x)
select sum(x)/2, sum(x)/count(*) from (values 9007199254740993, 9007199254740993, 9007199254740991) t(x)
-- the rest has the sign of the first
select 7%3, -7%3, 7%-3, -7%-3, mod(-9007199254740993, 2)
-- division by zero is an error
select 1/0
select x/(x-1) from (values 1, 2) t(x)
select 1%0
select cast(1 as bigint)/cast(0 as bigint)
select 1.0/0
select 1e0/0, -1e0/0, 0e0/0
-- overflow is an error
select 2147483647 + 1
select 9223372036854775807 * 2
select cast(300 as tinyint)
-- date_diff counts complete units
select date_diff('hour', timestamp '2024-01-01 00:59:00', timestamp '2024-01-01 01:01:00'), date_diff('day', timestamp '2024-01-01 23:59:59', timestamp '2024-01-02 00:00:00'), date_diff('minute', timestamp '2024-01-01 00:00:59', timestamp '2024-01-01 00:02:00')
select date_diff('month', date '2024-01-31', date '2024-02-29'), date_diff('month', date '2024-02-29', date '2024-03-28'), date_diff('year', date '2023-12-31', date '2024-12-30'), date_diff('week', date '2024-01-07', date '2024-01-08')
select date_diff('hour', timestamp '2024-01-01 01:01:00', timestamp '2024-01-01 00:02:00'), date_diff('day', date '2024-03-01', date '2024-02-28')
-- regexp_extract without a match is null
select regexp_extract('abc', 'x'), regexp_extract('abc', 'x(y)?', 1), regexp_extract('abc', 'b(y)?', 1), regexp_extract('abc', ''), regexp_extract('', 'a')
select coalesce(regexp_extract('eni-1', '\d{3}'), 'none')
-- split_part beyond the end is null
select split_part('a.b', '.', 3), split_part('a..b', '.', 2), split_part('', '.', 1), split_part('a.b', '.', 2)
select split_part('a.b', '.', 0)
-- CAST to varchar(n) cuts text and refuses numbers
select cast('abcdef' as varchar(3)), cast('한국어' as varchar(2)), cast('ab' as varchar(5)), length(cast('abcdef' as varchar(3)))
select cast(12345 as varchar(3))
select try_cast(12345 as varchar(3))
-- CAST of text to numbers takes no half numbers
select try_cast('12.5' as integer), try_cast('1e3' as integer), try_cast('' as bigint), try_cast('0x1F' as integer), try_cast('1_000' as integer), try_cast(' 7' as bigint)
select cast('12.5' as integer)
-- CAST of numbers to whole ones rounds half away from zero
select cast(2.5e0 as integer), cast(-2.5e0 as integer), cast(3.5 as bigint), cast(0.5 as integer), round(2.5e0), round(-0.5)
-- format is java.util.Formatter's
select format('%s|%5s|%-5s|%d|%,d|%05d|%x|%.2f|%%', 'a', 'b', 'c', 7, 1234567, 42, 255, 2.345e0)
select format('%s %s', null, true)
select format('%.1f', 0.25e0), format('%.0f', 2.5e0), format('%,.2f', 1234567.891e0), format('%e', 12345.678e0), format('%+d', 5)
-- weeks begin on Monday
select day_of_week(date '2024-01-07'), day_of_week(date '2024-01-08'), dow(timestamp '2024-01-07 23:59:59'), date_trunc('week', date '2024-01-07'), week(date '2024-12-30'), year_of_week(date '2024-12-30')
-- nulls come last in both directions
select x from (values 3, null, 1) t(x) order by x
select x from (values 3, null, 1) t(x) order by x desc
select x from (values 3, null, 1) t(x) order by x nulls first
select array_sort(array[3, null, 1]), array_agg(x order by x desc) from (values 3, null, 1) t(x)
select x, row_number() over (order by x desc), rank() over (order by x) from (values 3, null, 1) t(x) order by 2
-- greatest and least of a null are null
select greatest(1, null), least(1, null), greatest('a', 'b')
-- concat with a null is null
select concat('a', null), 'a' || cast(null as varchar), concat_ws(',', 'a', null, 'b')
-- typeof has Trino's names
select typeof(1), typeof(10000000000), typeof(1e0), typeof(1.5), typeof(true), typeof(now()), typeof(current_date), typeof(interval '1' day), typeof(array[1]), typeof(from_unixtime(0)), typeof(null)
select typeof(7/2), typeof(7/2.0), typeof(count(*)), typeof(sum(1)), typeof(avg(1)), typeof(day_of_week(date '2024-01-01')), typeof(floor(1.5)), typeof(approx_distinct(1))
-- text of timestamps has its fraction and zone
select cast(from_unixtime(0) as varchar), cast(timestamp '2024-01-01 10:00:00' as varchar), cast(timestamp '2024-01-01 10:00:00.5' as varchar), cast(from_unixtime(0) at time zone 'Asia/Seoul' as varchar), cast(timestamp '2024-01-01 10:00:00.123456' as varchar)
select 'at ' || cast(from_unixtime(1700000000) as varchar), to_iso8601(from_unixtime(1700000000)), to_iso8601(timestamp '2024-01-01 10:00:00')
-- text of doubles is Java's
select cast(1e0 as varchar), cast(1e10 as varchar), cast(0.1e0 as varchar), cast(1e-5 as varchar), cast(123456789e0 as varchar)
-- text of decimals keeps the scale
select cast(1.50 as varchar), cast(cast(1 as decimal(5,2)) as varchar), 1.5 * 2.00
-- approx_percentile gives a value that is there
select approx_percentile(x, 0.5), approx_percentile(x, 0.95), approx_percentile(x, 0.0), approx_percentile(x, 1.0), approx_percentile(x, array[0.25, 0.5]) from (values 1, 2, 3, 4, 10) t(x)
select approx_percentile(x, 0.5), approx_percentile(cast(x as double), 0.5) from (values 1, 4) t(x)
select approx_percentile(x, 2, 0.5) from (values 1, 2) t(x)
select approx_percentile(x, w, 0.5) from (values (1, 1), (2, 5), (3, 1)) t(x, w)
-- SELECT * keeps the order of columns
select * from (values (1, 'a', true)) t(z, y, x)
select *, z + 1 as more from (values (1, 2)) t(z, a)
select b.*, a.* from (values (1, 2)) a(z, y) cross join (values (3, 4)) b(x, w)
select * from (values (1, 2)) a(x, z) join (values (1, 3)) b(x, y) using (x)
select * from (values (1, 2)) a(x, z) join (values (1, 3)) b(x, y) on a.x = b.x
-- sequence includes both ends
select sequence(1, 3), sequence(3, 1), sequence(5, 1, -2), sequence(date '2024-01-30', date '2024-02-01')
select sequence(timestamp '2024-01-01 00:00:00', timestamp '2024-01-01 00:10:00', interval '5' minute)
select sequence(1, 10, 0)
select sequence(1, 10, -1)
-- IGNORE NULLS
select last_value(y) ignore nulls over (order by x), first_value(y) ignore nulls over (order by x), lag(y) ignore nulls over (order by x) from (values (1, 'a'), (2, null), (3, 'c'), (4, null)) t(x, y) order by x
-- a text is not a number
select 1 = '1'
select '10' > 9
select 1 + '1'
-- texts are compared by their bytes, blanks count
select 'a' < 'B', 'a' = 'A', 'a' = 'a ', 'é' > 'z'
-- LIKE has no escape of its own
select 'a\b' like 'a\b', '10%' like '10\%', 'a_c' like 'abc', 'abc' like 'a_c', 'A' like 'a'
-- substr and strpos count from 1
select substr('abc', 0), substr('abc', -2), substr('abc', 2, 1), substr('abc', 5), strpos('abc', 'c'), strpos('abc', 'x')
-- array subscripts count from 1 and must be there
select array[1, 2][1]
select array[1, 2][3]
select array[1, 2][0]
select element_at(array[1, 2], 3), element_at(array[1, 2], -1)
-- a map's missing key is an error, with element_at null
select map(array['a'], array[1])['b']
select element_at(map(array['a'], array[1]), 'b')
-- count(distinct) leaves out nulls, of rows too
select count(distinct x), count(x), count(*), count(distinct (x, y)) from (values (1, null), (1, null), (null, 1)) t(x, y)
-- sum of nothing is null, count is 0
select sum(x), avg(x), max(x), count(x), array_agg(x), bool_and(x > 0), approx_distinct(x), count_if(x > 0) from (values 1) t(x) where false
-- NOT IN with a null is unknown
select 1 not in (2, null), 1 in (2, null), 1 in (1, null)
-- three-valued logic
select null and false, null or true, null and true, null = null, null is distinct from null, not cast(null as boolean)
-- shifts are logical
select bitwise_right_shift(-8, 1), bitwise_right_shift_arithmetic(-8, 1), bitwise_left_shift(1, 31), bitwise_left_shift(1, 40)
-- logarithms and roots of what has none
select ln(0), ln(-1), sqrt(-1), log10(0)
-- time zones
select from_unixtime(0) = timestamp '1970-01-01 00:00:00', timestamp '1970-01-01 09:00:00 Asia/Seoul' = from_unixtime(0), date(from_unixtime(0) at time zone 'America/New_York')
-- addresses are compared as numbers
select cast('10.0.0.2' as ipaddress) < cast('10.0.0.10' as ipaddress), cast('2001:DB8::0:1' as ipaddress) = ipaddress '2001:db8::1', cast('2001:0db8::0001' as ipaddress), cast('::ffff:10.0.0.1' as ipaddress) = ipaddress '10.0.0.1'
select a from (values ipaddress '10.0.0.10', ipaddress '10.0.0.9', ipaddress '9.255.0.0', ipaddress '::1') t(a) order by a
select contains('10.0.0.0/8', cast('10.1.2.3' as ipaddress)), contains('10.1.2.3/8', cast('10.9.9.9' as ipaddress)), contains('::/0', ipaddress '10.0.0.1'), contains('0.0.0.0/0', ipaddress '::1'), contains('::ffff:0:0/96', ipaddress '10.0.0.1')
-- CAST of what is no address is an error, TRY_CAST null
select cast('-' as ipaddress)
select try_cast('-' as ipaddress), try_cast('10.0.0.256' as ipaddress), try_cast('10.0.0' as ipaddress), contains('10.0.0.0/8', try_cast('10.x' as ipaddress))
select contains('10.0.0.0/8', cast(x as ipaddress)) from (values '10.0.0.1', '10.x') t(x)
select contains('10.0.0.0/33', ipaddress '10.0.0.1')
-- url_decode makes blanks of plus signs
select url_decode('a+b%2Bc%20d'), url_encode('a b+c/d~')
