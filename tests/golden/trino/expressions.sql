-- One question a line; Trino's answers are in expressions.json.
select 7/2
select -7/2
select 7%3
select -7%3
select 7/2e0
select 1.5*2.25
select 10.0/3
select 5/2.0
select 1.0/8
select 100/1024.0
select 1.5+2
select 1.5-2.25
select 7.5%2
select -7.5%2
select cast(1 as decimal(5,2))/3
select cast(2 as decimal(38,10))*3
select 1/0
select 1e0/0
select -1e0/0
select 0e0/0
select 1.0/0
select 2147483647+1
select 9223372036854775807+1
select round(2.5)
select round(-2.5)
select round(2.5e0)
select round(-2.5e0)
select round(1.2345, 2)
select round(1.2345e0,2)
select round(5)
select round(1234,-2)
select ceil(1.2)
select floor(-1.2)
select ceil(1.2e0)
select floor(-1.2e0)
select truncate(1.9e0)
select abs(-5)
select abs(-1.5)
select sign(-3)
select sign(-2.5e0)
select power(2,10)
select ln(2.718281828459045e0)
select log10(100)
select log2(8)
select sqrt(16)
select cbrt(27)
select exp(0)
select log(2,8)
select ln(0)
select ln(-1)
select sqrt(-1)
select greatest(1,2,null)
select least(1,2)
select greatest('a','b')
select bitwise_and(6,3)
select bitwise_or(6,3)
select bitwise_xor(6,3)
select bitwise_not(0)
select bitwise_left_shift(1,3)
select bitwise_right_shift(8,1)
select bitwise_right_shift(-8,1)
select bitwise_right_shift_arithmetic(-8,1)
select bit_count(7,64)
select bit_count(-1,64)
select width_bucket(5, 0, 10, 5)
select mod(10,3)
select mod(-10,3)
select to_base(255,16)
select pi()
select is_nan(nan())
select infinity()
select date_diff('hour', timestamp '2024-01-01 00:59', timestamp '2024-01-01 01:01')
select date_diff('day', date '2024-01-01', date '2024-03-01')
select date_diff('month', date '2024-01-31', date '2024-02-29')
select date_diff('month', date '2024-02-29', date '2024-01-31')
select date_diff('year', date '2020-02-29', date '2021-02-28')
select date_diff('week', date '2024-01-01', date '2024-01-14')
select date_diff('quarter', date '2024-01-01', date '2024-07-01')
select date_diff('second', timestamp '2024-01-01 00:00:01', timestamp '2024-01-01 00:00:00')
select date_diff('minute', timestamp '2024-01-01 00:00:59', timestamp '2024-01-01 00:02:00')
select date_diff('millisecond', timestamp '2024-01-01 00:00:00', timestamp '2024-01-01 00:00:01.5')
select date_add('day', 1, date '2024-02-28')
select date_add('month', 1, date '2024-01-31')
select date_add('hour', -1, timestamp '2024-01-01 00:00:00')
select date_add('quarter', 1, date '2024-01-31')
select date_add('week', 2, date '2024-01-01')
select date_add('millisecond', 1500, timestamp '2024-01-01 00:00:00.000')
select date_trunc('week', date '2024-01-03')
select date_trunc('quarter', timestamp '2024-05-05 10:11:12')
select date_trunc('minute', timestamp '2024-05-05 10:11:12.345')
select date_trunc('hour', from_unixtime(1700000000))
select date_parse('2024-01-02 03:04:05', '%Y-%m-%d %H:%i:%s')
select date_parse('02/Jan/2024', '%d/%b/%Y')
select date_parse('2024', '%Y')
select date_parse('5/6/2024', '%c/%e/%Y')
select date_parse('garbage', '%Y')
select date_format(timestamp '2024-01-02 03:04:05.678', '%Y-%m-%d %H:%i:%s.%f')
select date_format(timestamp '2024-01-02 15:04:05', '%h:%i %p %W %M %b %a %j %c %e %k %l %y %T %r %v %x %%')
select format_datetime(timestamp '2024-01-02 03:04:05.678', 'yyyy-MM-dd''T''HH:mm:ss.SSS')
select format_datetime(timestamp '2024-01-02 15:04:05', 'h:m a EEE EEEE MMM MMMM d D')
select parse_datetime('2024-01-02 03:04', 'yyyy-MM-dd HH:mm')
select from_unixtime(1700000000)
select from_unixtime(1700000000.5)
select from_unixtime(-1)
select from_unixtime(1700000000, 'Asia/Seoul')
select to_unixtime(from_unixtime(1700000000))
select to_unixtime(timestamp '2024-01-01 00:00:00')
select to_iso8601(date '2024-01-01')
select to_iso8601(timestamp '2024-01-01 10:00:00')
select to_iso8601(timestamp '2024-01-01 10:00:00.123')
select to_iso8601(from_unixtime(0))
select to_iso8601(from_unixtime(0) at time zone 'Asia/Seoul')
select to_iso8601(from_unixtime(0) at time zone 'America/New_York')
select from_iso8601_timestamp('2024-01-01T10:00:00Z')
select from_iso8601_timestamp('2024-01-01T10:00:00.123')
select from_iso8601_date('2024-01-01')
select from_iso8601_timestamp('2024-01-01')
select timestamp '2024-01-01 10:00:00' at time zone 'Asia/Seoul'
select at_timezone(from_unixtime(0), 'America/New_York')
select with_timezone(timestamp '2024-01-01 10:00:00', 'Asia/Seoul')
select day_of_week(date '2024-01-07')
select dow(date '2024-01-01')
select day_of_year(date '2024-12-31')
select week(date '2024-12-30')
select year_of_week(date '2024-12-30')
select quarter(date '2024-05-01')
select month(date '2024-05-01')
select hour(timestamp '2024-01-01 10:11:12')
select minute(timestamp '2024-01-01 10:11:12')
select second(timestamp '2024-01-01 10:11:12')
select millisecond(timestamp '2024-01-01 10:11:12.345')
select last_day_of_month(date '2024-02-01')
select hour(from_unixtime(0) at time zone 'Asia/Seoul')
select day(from_unixtime(0) at time zone 'America/New_York')
select extract(year from date '2024-01-01')
select extract(hour from timestamp '2024-01-01 10:00:00')
select timestamp '2024-01-01 00:00:00' + interval '1' day
select date '2024-01-31' + interval '1' month
select date '2024-01-01' - interval '7' day
select timestamp '2024-01-02 00:00:00' - interval '90' minute
select cast(timestamp '2024-01-01 10:00:00' as varchar)
select cast(timestamp '2024-01-01 10:00:00.123456' as varchar)
select cast(from_unixtime(0) as varchar)
select cast(date '2024-01-01' as varchar)
select cast(from_unixtime(0) at time zone 'Asia/Seoul' as varchar)
select cast('2024-01-01' as date)
select cast('2024-01-01 10:00' as timestamp)
select cast('2024-01-01 10:00:00.5' as timestamp)
select cast('2024-01-01' as timestamp)
select try_cast('x' as timestamp)
select try_cast('2024-13-01' as date)
select cast('2024-01-01T10:00:00' as timestamp)
select date '2024-01-01' = timestamp '2024-01-01 00:00:00'
select timestamp '1970-01-01 00:00:00' = from_unixtime(0)
select date '2024-01-01' < from_unixtime(2000000000)
select date(timestamp '2024-01-01 10:00:00')
select cast(from_unixtime(0) at time zone 'America/New_York' as date)
select cast(from_unixtime(0) at time zone 'Asia/Seoul' as timestamp)
select date(from_unixtime(0))
select date('2024-05-05')
select typeof(now())
select typeof(current_date)
select typeof(localtimestamp)
select typeof(from_unixtime(0))
select typeof(date_parse('2024','%Y'))
select typeof(timestamp '2024-01-01 00:00:00.123456')
select cast('10.0.0.1' as ipaddress)
select cast('2001:DB8::1' as ipaddress)
select ipaddress '::ffff:1.2.3.4'
select try_cast('x' as ipaddress)
select try_cast('-' as ipaddress)
select cast('::' as ipaddress)
select cast('1::' as ipaddress)
select cast('1:0:0:2:0:0:0:3' as ipaddress)
select cast('fe80::1:0:0:1' as ipaddress)
select cast('-' as ipaddress)
select try_cast('1.2.3' as ipaddress)
select try_cast('1.2.3.256' as ipaddress)
select try_cast('01.2.3.4' as ipaddress)
select try_cast('1:2:3:4:5:6:7:8:9' as ipaddress)
select try_cast('1::2::3' as ipaddress)
select try_cast('' as ipaddress)
select contains('10.0.0.0/8', cast('10.1.1.1' as ipaddress))
select contains('10.0.0.0/8', cast('11.1.1.1' as ipaddress))
select contains('2001:db8::/32', cast('2001:db8::1' as ipaddress))
select contains('0.0.0.0/0', cast('::1' as ipaddress))
select contains('::/0', cast('1.1.1.1' as ipaddress))
select cast(ip_prefix(cast('10.1.2.3' as ipaddress), 9) as varchar)
select ip_prefix('192.168.255.255', 20)
select ip_prefix(cast('2001:db8:ffff::1' as ipaddress), 35)
select ip_subnet_min(ipprefix '192.168.255.255/9')
select ip_subnet_max(ipprefix '192.64.0.0/9')
select ip_subnet_range(ipprefix '1.2.3.160/24')
select is_subnet_of(ipprefix '1.2.3.128/26', ipaddress '1.2.3.129')
select is_subnet_of(ipprefix '1.2.3.128/26', ipprefix '1.2.5.1/30')
select cast('10.0.0.2' as ipaddress) < cast('10.0.0.10' as ipaddress)
select cast('9.0.0.1' as ipaddress) between ipaddress '8.0.0.0' and ipaddress '10.0.0.0'
select ipaddress '10.0.0.1' = cast('10.0.0.1' as ipaddress)
select split('a,b,c', ',')
select split('a,b,c', ',', 2)
select split('', ',')
select split_part('a,b', ',', 3)
select split_part('a,,b', ',', 2)
select split_part('', ',', 1)
select split_part('abc','',2)
select split_part('a,b', ',', 0)
select substr('hello', 2)
select substr('hello', -3)
select substr('hello', 0)
select substr('hello', 2, 2)
select substr('hello', -3, 2)
select substr('hello', 10)
select substr('hello', -10)
select substr('hello', 1, 0)
select substr('hello', 1, -1)
select substring('hello', 2, 3)
select strpos('hello','l')
select strpos('hello','z')
select position('l' in 'hello')
select length('한글')
select upper('straße')
select lower('ABC')
select reverse('abc')
select replace('aXbX','X')
select replace('abc','b','zz')
select concat('a','b','c')
select concat_ws(',', 'a', null, 'b')
select 'a'||null
select lpad('5',3,'0')
select rpad('abc',2,'x')
select trim('  a  ')
select ltrim('  a')
select rtrim('a  ')
select trim(both 'x' from 'xxaxx')
select trim(leading 'x' from 'xxa')
select starts_with('abc','ab')
select translate('abc','ab','xy')
select chr(65)
select codepoint('A')
select levenshtein_distance('kitten','sitting')
select hamming_distance('abc','abd')
select regexp_like('abc','b')
select regexp_extract('abc','x')
select regexp_extract('abc','b(c)',1)
select regexp_extract('a1b22','\d+')
select regexp_extract_all('a1b22','\d+')
select regexp_replace('abc','b')
select regexp_replace('a1b2','(\d)','<$1>')
select regexp_split('a1b2c','\d')
select regexp_count('a1b2','\d')
select regexp_like(null,'a')
select 'abc' like 'a%'
select 'a_c' like 'a\_c' escape '\'
select 'abc' like 'A%'
select 'abc' not like '%z'
select null like 'a'
select format('%s %d %.2f %,d %05d %x %s', 'a', 5, 2.5e0, 1234567, 42, 255, true)
select format('%5s|%-5s|%%', 'a', 'b')
select format('%s', null)
select format('%s', 1.5)
select format('%s', date '2024-01-01')
select url_decode('a%20b+c')
select url_encode('a b/c~*_-.')
select url_extract_host('https://user@example.com:8080/p/a?x=1&y=2#f')
select url_extract_path('https://example.com/p/a?x=1')
select url_extract_parameter('https://e.com/?x=1&y=2','y')
select url_extract_port('http://e.com:99/')
select url_extract_query('http://e.com/?a=1#z')
select url_extract_protocol('http://e.com')
select url_extract_fragment('http://e.com/#z')
select to_hex(to_utf8('abc'))
select from_utf8(from_hex('616263'))
select to_base64(to_utf8('abc'))
select to_hex(md5(to_utf8('a')))
select to_hex(sha256(to_utf8('a')))
select json_extract_scalar('{"a":{"b":1}}','$.a.b')
select json_extract_scalar('{"a":[1,2]}','$.a')
select json_extract_scalar('{"a":null}','$.a')
select json_extract_scalar('x','$.a')
select json_array_length('[1,2]')
select json_extract_scalar('{"a":true}','$.a')
select json_extract_scalar('{"a":"x"}','$.b')
select json_extract_scalar('{"a":[1,2]}','$.a[1]')
select cast('12' as integer)
select cast('-5' as bigint)
select cast('1.5' as double)
select cast('1e3' as double)
select cast('true' as boolean)
select cast('1.555' as decimal(5,2))
select cast(' 12 ' as double)
select try_cast('12.5' as integer)
select try_cast(' 12' as integer)
select try_cast('' as integer)
select try_cast('x' as double)
select try_cast('yes' as boolean)
select try_cast('1,5' as decimal(5,2))
select try_cast('300' as tinyint)
select try_cast('NaN' as double)
select try_cast('Infinity' as double)
select try_cast('t' as boolean)
select cast(2.5e0 as bigint)
select cast(-2.5e0 as bigint)
select cast(3.5e0 as integer)
select cast(2.5 as bigint)
select cast(-2.5 as bigint)
select cast(1e0 as varchar)
select cast(1e10 as varchar)
select cast(0.1e0 as varchar)
select cast(123456789.123e0 as varchar)
select cast(nan() as varchar)
select cast(infinity() as varchar)
select cast(1e-7 as varchar)
select cast(100e0 as varchar)
select cast(0e0 as varchar)
select cast('abcdef' as varchar(3))
select cast(1.50 as varchar)
select cast(true as varchar)
select cast(1 as boolean)
select cast(true as integer)
select cast(real '1.5' as varchar)
select cast(12345 as varchar)
select cast(null as varchar)
select cast(12345 as varchar(3))
select cast(1e20 as bigint)
select typeof(1)
select typeof(1.5)
select typeof('a')
select typeof(1e0)
select typeof(null)
select typeof(array[1])
select typeof(map(array['a'],array[1]))
select typeof(row(1,'a'))
select typeof(cast('1.1.1.1' as ipaddress))
select typeof(true)
select typeof(10000000000)
select typeof(1/2)
select typeof(1.5*2)
select typeof(10.0/3)
select typeof(sum(1))
select typeof(avg(1))
select typeof(avg(1.5))
select typeof(sum(1.5))
select typeof(count(*))
select x from (values 3,null,1) t(x) order by x
select x from (values 3,null,1) t(x) order by x desc
select x from (values 3,null,1) t(x) order by x desc nulls first
select x from (values 1,2,3,4) t(x) order by x offset 1 limit 2
select x from (values 1,2,3,4) t(x) order by x fetch first 2 rows only
select x+1 as y from (values 1,2) t(x) order by y desc
select x, count(*) from (values 1,1,2) t(x) group by x having count(*) > 1
select a, b, sum(c), grouping(a,b) from (values ('x','p',1),('x','q',2),('y','p',3)) t(a,b,c) group by grouping sets ((a,b),(a),()) order by 4, 1, 2
select a, sum(c) from (values ('x',1),('y',2)) t(a,c) group by rollup(a) order by a
select a, b, count(*) from (values ('x','p'),('x','q')) t(a,b) group by cube(a,b) order by 1,2
select 1 union select 1 union all select 2 order by 1
select 1 intersect select 1
select * from (values 1,2,2) t(x) except select 2
with t(a,b) as (values (1,'x')) select * from t
with recursive t(n) as (select 1 union all select n+1 from t where n < 5) select sum(n) from t
select (select max(x) from (values 1,2) t(x))
select (select x from (values 1,2) t(x))
select 1 in (1,null)
select 2 in (1,null)
select 2 not in (1,null)
select 1 in (select x from (values 1,2) t(x))
select 3 in (select x from (values 1,null) t(x))
select exists(select 1 where false)
select (1,2) = (1,2)
select (1,'a') in (values (1,'a'))
select 5 > all (values 1,2)
select 5 = any (values 1,5)
select t.x, u.y from (values 1,2) t(x) left join (values (1,'a')) u(x,y) on t.x = u.x order by 1
select * from (values (1,'a')) t(x,y) join (values (1,'b')) u(x,z) using (x)
select t.a, u.v, u.n from (values (1, array['p','q'])) t(a, arr) cross join unnest(arr) with ordinality as u(v,n) order by n
select * from unnest(array[1,2], array['a']) as t(a,b)
select * from unnest(map(array['a','b'], array[1,2])) as t(k,v)
select * from unnest(array[row(1,'a'), row(2,'b')]) as t(x,y)
select t.a, v from (values (1, array[]), (2, array[5])) t(a, arr) left join unnest(arr) as u(v) on true order by 1
select count(*), count(x), count(distinct x), count_if(x > 1), sum(x), avg(x), min(x), max(x) from (values 1,2,2,null) t(x)
select sum(x), avg(x), max(x), count(x) from (values 1) t(x) where false
select avg(x), sum(x) from (values 1.5, 2.25) t(x)
select max_by(y, x), min_by(y, x), max(x, 2), min(x, 2), max_by(y, x, 2) from (values (1,'a'),(2,null),(3,'c')) t(x,y)
select max_by(y, x) from (values (1,'a'),(2,null)) t(x,y)
select array_agg(x order by x desc), array_agg(distinct x order by x), array_agg(x order by x) filter (where x > 1) from (values 1,2,2,null) t(x)
select map_agg(k, v), histogram(k) from (values ('a',1),('b',2)) t(k,v)
select bool_and(x), bool_or(x), every(x) from (values true, false, null) t(x)
select stddev(x), stddev_pop(x), variance(x), var_pop(x), stddev(1) from (values 1,2,4) t(x)
select approx_distinct(x), approx_percentile(x, 0.5), approx_percentile(x, array[0.25,0.75]), approx_percentile(cast(x as double), 0.9) from (values 1,2,3,4,5,6,7,8,9,10) t(x)
select listagg(x, ',') within group (order by x desc) from (values 'a','b',null) t(x)
select geometric_mean(x), bitwise_and_agg(x), bitwise_or_agg(x), corr(x,y), covar_pop(x,y) from (values (1,2),(3,5)) t(x,y)
select x, row_number() over (order by x), rank() over (order by y), dense_rank() over (order by y), ntile(2) over (order by x), lag(x) over (order by x), lead(x,1,-1) over (order by x), first_value(x) over (order by x), last_value(x) over (order by x), nth_value(x,2) over (order by x) from (values (1,1),(2,1),(3,2)) t(x,y) order by x
select x, sum(x) over (order by x rows between 1 preceding and 1 following), avg(x) over (), percent_rank() over (order by x), cume_dist() over (order by x), count(*) over (partition by x % 2) from (values 1,2,3) t(x) order by x
select x, last_value(y) ignore nulls over (order by x) from (values (1,'a'),(2,null),(3,'c')) t(x,y) order by x
select d, sum(v) over (order by d range between interval '1' day preceding and current row) from (values (date '2024-01-01',1),(date '2024-01-02',2),(date '2024-01-04',3)) t(d,v) order by d
select array[1,2,3][2]
select element_at(array[1,2],-1)
select element_at(array[1],5)
select cardinality(array[1,null])
select contains(array[1,2],2)
select contains(array[1,null],2)
select array_join(array[1,null,3],',')
select array_join(array[1,null,3],',','x')
select array[1,2][5]
select array_distinct(array[2,1,2,null,null])
select array_sort(array[3,null,1])
select array_max(array[1,3,2])
select array_max(array[1,null])
select array_min(array[2,1])
select array_position(array['a','b'],'b')
select array_position(array[1],9)
select array_remove(array[1,2,1],1)
select array_union(array[1,2],array[2,3])
select array_intersect(array[1,2,2],array[2,3])
select array_except(array[1,2,2],array[1])
select arrays_overlap(array[1,2],array[2])
select flatten(array[array[1],array[2,3]])
select slice(array[1,2,3,4],2,2)
select slice(array[1,2,3,4],-2,2)
select reverse(array[1,2])
select concat(array[1],array[2])
select array[1]||2
select repeat('a',3)
select sequence(1,5)
select sequence(5,1,-2)
select sequence(date '2024-01-01', date '2024-01-03')
select sequence(date '2024-01-01', date '2024-03-01', interval '1' month)
select sequence(timestamp '2024-01-01 00:00:00', timestamp '2024-01-01 02:00:00', interval '1' hour)
select transform(array[1,2], x -> x * 2)
select filter(array[1,2,3], x -> x > 1)
select reduce(array[1,2,3], 0, (s,x) -> s + x, s -> s)
select any_match(array[1,2], x -> x > 1)
select all_match(array[1,2], x -> x > 1)
select none_match(array[1,2], x -> x > 5)
select zip_with(array[1,2], array[3,4], (x,y) -> x+y)
select map(array['a','b'],array[1,2])
select map_keys(map(array['a'],array[1]))
select map_values(map(array['a'],array[1]))
select map(array['a'],array[1])['a']
select element_at(map(array['a'],array[1]),'z')
select cardinality(map(array['a'],array[1]))
select map_filter(map(array['a','b'],array[1,2]), (k,v) -> v > 1)
select transform_values(map(array['a'],array[1]), (k,v) -> v+1)
select map_concat(map(array['a'],array[1]),map(array['b'],array[2]))
select map(array['a'],array[1])['z']
select zip(array[1,2],array['a','b'])
select map_entries(map(array['a'],array[1]))
select map_from_entries(array[row('a',1)])
select row(1,'a')
select cast(row(1,'a') as row(x integer, y varchar)).x
select if(1>2,'a'), if(1<2,'a','b'), coalesce(null,1), nullif(1,1), nullif(1,2), case 1 when 1 then 'a' end, case when false then 1 else 2 end, 1 between 0 and 2, null is null, null is distinct from 1, try(1/0), not null, true and null, false and null, true or null
select 1 = '1'
select nosuch(1)
select x.y from (values 1) t(x)
select from_unixtime(floor(to_unixtime(from_unixtime(1700000123))/300)*300)
select from_unixtime(floor(1700000123/300)*300)
select human_readable_seconds(3661)
select to_milliseconds(interval '1' day)
select interval '2' day + interval '3' hour
select 2 * interval '1' day
select timestamp '2024-01-02 00:00:00' - timestamp '2024-01-01 00:00:00'
select date '2024-01-03' - date '2024-01-01'
select array_agg(x) from (values 1) t(x) where false
select multimap_agg(k,v) from (values ('a',1),('a',2)) t(k,v)
select count(distinct (x,y)) from (values (1,2),(1,2),(1,3)) t(x,y)
select x, y from (values (1, 'a')) as t (x, y) where y = 'a' and x between 0 and 5 or false
select distinct x from (values 1,1,2) t(x) order by x
select x as a, sum(y) as s from (values (1,2),(1,3)) t(x,y) group by x order by sum(y) desc, a
select upper(x) u from (values 'a') t(x) group by upper(x)
select -cast(5 as bigint)
select - (1.5)
select +3
select 'it''s'
select U&'\D55C\AE00'
select X'6162'
select 1e-3
select 1.e2
select .5
select 0.50
select sum(bytes) as b, srcaddr from (values ('10.0.0.1', 100), ('10.0.0.2', 50), ('10.0.0.1', 25)) t(srcaddr, bytes) group by srcaddr order by b desc
select srcaddr, count(*) filter (where action = 'REJECT') * 100.0 / count(*) as share from (values ('a','REJECT'),('a','ACCEPT'),('b','ACCEPT'),('a','ACCEPT')) t(srcaddr, action) group by 1 order by 1
select date_trunc('minute', from_unixtime(s)) as m, sum(b) from (values (1700000000, 1), (1700000030, 2), (1700000060, 3)) t(s,b) group by 1 order by 1
select approx_percentile(x, 0.95) from (values 1,2,3,4,5) t(x)
select x, rank() over (partition by y order by x desc) from (values (1,'a'),(2,'a'),(3,'b')) t(x,y) order by y, x
select a.s, b.s from (values ('x','y',1),('y','x',2)) a(s,d,n) join (values ('x','y',1),('y','x',2)) b(s,d,n) on a.s = b.d and a.d = b.s and a.n < b.n
select bitwise_and(x, 2) > 0, count(*) from (values 2, 18, 1) t(x) group by 1 order by 1
select case when x between 0 and 1023 then 'system' else 'user' end c, count(*) from (values 22, 8080, 443) t(x) group by case when x between 0 and 1023 then 'system' else 'user' end order by 1
select split_part(x, '.', 1) || '.0.0.0/8', count(distinct x) from (values '10.1.2.3','10.1.2.4','11.0.0.1') t(x) group by 1 order by 1
select t.x from (values 1,2,3) t(x) where exists (select 1 from (values 2,3) u(y) where u.y = t.x) order by 1
select t.x, (select count(*) from (values 1,1,2) u(y) where u.y = t.x) from (values 1,2,3) t(x) order by 1
select x from (values 'b','a',null,'C') t(x) order by lower(x) desc, x
select count(*) from (values 1,2) a(x) cross join (values 1,2,3) b(y)
select x, y from (values 1,2) a(x) full outer join (values 2,3) b(y) on x = y order by 1,2
select max(x) - min(x), sum(x) / count(x), avg(cast(x as decimal(10,2))) from (values 1,2,4) t(x)
select sum(cast(x as bigint)) / 1024.0 / 1024 from (values 123456789, 987654321) t(x)
select cast(sum(x) as double) / 3, round(cast(sum(x) as double) / 3, 2) from (values 10, 11) t(x)
select 10 / 4 * 4
select 10 * 4 / 4
select -10 / 4
select 10 % -4
select 2 + 3 * 4
select (2 + 3) * 4
select date '2024-02-29' + interval '1' year
select timestamp '2024-03-10 01:30:00' at time zone 'America/New_York' + interval '1' hour
select date_trunc('day', timestamp '2024-01-01 20:00:00' at time zone 'Asia/Seoul')
select date_trunc('month', date '2024-05-17')
select date_trunc('year', timestamp '2024-05-17 01:02:03')
select date_diff('day', timestamp '2024-01-01 23:00:00', timestamp '2024-01-02 01:00:00')
select date_diff('hour', timestamp '2024-01-01 01:01:00', timestamp '2024-01-01 00:59:00')
select date_diff('year', date '2023-12-31', date '2024-01-01')
select coalesce(regexp_extract('x','y'), 'none')
select nullif('a','a')
select nullif(split_part('a-b','-',2),'b')
select array_agg(distinct x order by x desc), cardinality(array_agg(x)) from (values 1,2,2) t(x)
select contains(array['a','b'], 'a')
select cardinality(split('a.b.c','.'))
select array_join(array[1,2,3], '-')
select array_sort(array['b','a'])
select lower('ÀB')
select upper('é')
select length('')
select trim('')
select replace('', 'a', 'b')
select substr('', 1)
select strpos('', 'a')
select split_part('', '-', 1)
select 'a' < 'b'
select 'A' < 'a'
select '' < 'a'
select 'abc' between 'abb' and 'abd'
select true and not false
select 1 <> 2
select 1 != 2
select cast(null as integer) + 1
select null || 'a'
select cast(null as boolean) and false
select cast(null as boolean) or true
select map_filter(map(array['a','b'],array[1,null]), (k,v) -> v is null or k = 'a')
select map_filter(cast(null as map(varchar, integer)), (k,v) -> true)
select map_filter(map(array['a'],array[1]), (k,v) -> 1)
select transform_values(map(array['a','b'],array[1,2]), (k,v) -> k || cast(v as varchar))
select transform_keys(map(array['a','b'],array[1,2]), (k,v) -> v * 10)
select transform_keys(map(array['a','b'],array[1,2]), (k,v) -> 1)
select map_zip_with(map(array['a','b'],array[1,2]), map(array['b','c'],array['x','y']), (k,v,w) -> k || coalesce(cast(v as varchar), '-') || coalesce(w, '-'))
select zip_with(array[1,2,3], array['a'], (x,y) -> coalesce(y, cast(x as varchar)))
select zip_with(array[1], null, (x,y) -> x)
select transform_values(map(array['a'],array[array[1,2]]), (k,v) -> transform(v, k -> k + 1))
select transform_values(map(array['a'],array[map(array['b'],array[2])]), (k,v) -> transform_values(v, (q,w) -> k || q || cast(w as varchar)))
select map_filter(map(array[1,2],array[array[1],array[2,3]]), (k,v) -> any_match(v, one -> one > k))
select t.n, map_filter(map(array['a','b'],array[1,2]), (k,v) -> v > n) from (values 0, 1) t(n) order by 1
select reduce(array[1,2], '', (s,x) -> s || cast(x as varchar), s -> upper(s))
select any_match(array['a',null], x -> x = 'b'), all_match(array[1,null], x -> x > 0), none_match(array[], x -> true)
select multimap_agg(k,v) from (values ('a',1),('a',null),(null,3),('b',2)) t(k,v)
select map_agg(k,v) from (values ('a',1),('a',2),(null,3)) t(k,v) where k = 'a' and v = 1
select map_agg(k,v) filter (where v > 1) from (values ('a',1),('b',2),(null,3)) t(k,v)
select map_agg(k,v) from (values ('a',1)) t(k,v) where false
select histogram(x) filter (where x > 1) from (values 1,2,2,null) t(x)
select sum(x) filter (where x > 1), count(*) filter (where x = 2), max_by(x, x) filter (where x < 2) from (values 1,2,2,null) t(x)
select map_union(m) from (values map(array['a'],array[1]), map(array['b'],array[2]), null) t(m)
select max_by(y, x, 2), min_by(y, x, 10) from (values (1,'a'),(2,null),(3,'c'),(null,'d')) t(x,y)
select max_by(y, x, 2) from (values (1,'a')) t(x,y) where false
select max_by(y, x, 1) filter (where x < 3) from (values (1,'a'),(2,'b'),(3,'c')) t(x,y)
select approx_most_frequent(2, x, 10) from (values 'a','b','a','c','b','a') t(x)
select approx_distinct(x, 0.1) from (values 1,2,2,null) t(x)
select array_histogram(array['a','b','a',null])
select multimap_from_entries(array[row('a',1),row('a',2),row('b',3)])
select trim_array(array[1,2,3], 2), trim_array(array[1], 0)
select trim_array(array[1], 2)
select contains_sequence(array[1,2,3], array[2,3]), contains_sequence(array[1,2,3], array[1,3]), contains_sequence(array[1], array[])
select ngrams(array['a','b','c'], 2), ngrams(array['a'], 3)
select regexp_position('a1b2', '\d'), regexp_position('abc', '\d'), regexp_position('a', null)
select split_to_map('a=1,b=2', ',', '=')
select split_to_map('a', ',', '=')
select to_base64url(to_utf8('a?>b~~')), from_utf8(from_base64url('YT8-Yn5-'))
select from_base('ff', 16), from_base('-101', 2), from_base('zz', 36)
select from_base('12', 2)
select sinh(1), cosh(0), tanh(0.5)
select wilson_interval_lower(5, 10, 1.96), wilson_interval_upper(5, 10, 1.96)
select json_array_get('[1,"a",null]', 0), json_array_get('[1,2]', -1), json_array_get('[1]', 5)
select json_array_contains('[1,2,"3"]', 2), json_array_contains('[1,"3"]', '3'), json_array_contains('[1]', 9), json_array_contains('x', 1)
select json_size('{"a":{"b":1,"c":2}}', '$.a'), json_size('{"a":[1]}', '$.a')
select json_extract_scalar('{"a.b":{"c d":5}}', '$["a.b"]["c d"]')
select json_extract('{"a":[{"b":1},{"b":2}]}', '$.a[1].b')
select json_format(json_parse('{"b": 1, "a": [1, 2 ]}'))
select json_format(json_extract('{"a": {"b": 1}}', '$.a'))
select is_json_scalar('1'), is_json_scalar('[1]'), is_json_scalar(json '"a"')
select cast(json '{"a": 1}' as map(varchar, integer)), cast(json '[1,2]' as array(integer)), cast(json '"x"' as varchar)
select json_format(cast(array[1,2] as json)), json_format(cast(map(array['a'],array[1]) as json))
select json_parse('{bad')
select json_array_length('[1,2]'), json_array_length('{}'), json_array_length('x')
select U&'a\0062\\c', U&'!D55C' uescape '!', U&'\+01F600'
select U&'\00zz'
select listagg(distinct x, '|') within group (order by x) from (values 'b','a','b',null) t(x)
select listagg(x) within group (order by x) from (values 'b','a') t(x)
select x, listagg(y, ',') within group (order by y desc) from (values (1,'a'),(1,'b'),(2,'c')) t(x,y) group by x order by x
select url_extract_host('not a url'), url_extract_path('/p/a?x=1'), url_extract_parameter('https://e.com/?x=a%20b&y','x'), url_extract_parameter('https://e.com/?y=','y'), url_extract_port('http://e.com/'), url_extract_fragment('http://e.com/')
select url_extract_protocol('HTTP://e.com'), url_extract_query('http://e.com/'), url_extract_host('http://[2001:db8::1]:80/')
select to_milliseconds(interval '90' second), to_milliseconds(parse_duration('2d'))
select parse_duration('3.5m'), parse_duration('100ms')
select every(x) from (values true, null) t(x)
select bitwise_left_shift(7, 2), bitwise_left_shift(cast(1 as bigint), 63), bitwise_right_shift(cast(-1 as bigint), 60), bitwise_right_shift_arithmetic(cast(-256 as bigint), 4)
select timezone_hour(from_unixtime(0) at time zone 'Asia/Kolkata'), timezone_minute(from_unixtime(0) at time zone 'Asia/Kolkata')
select regr_slope(y, x), regr_intercept(y, x) from (values (1,2),(2,4),(3,7)) t(x,y)
select corr(y, x), covar_samp(y, x) from (values (1e0,2e0),(2e0,4e0),(3e0,7e0)) t(x,y)
select combinations(array[1,2,3], 2)
select shuffle(array[1])
select array_sort(array[3,1,2], (a, b) -> if(a < b, 1, if(a = b, 0, -1)))
select array_sort(array['bb','a',null], (a, b) -> case when a is null and b is null then 0 when a is null then 1 when b is null then -1 else length(a) - length(b) end)
select array_sort(array['bb','a',null], (a, b) -> case when a is null and b is null then 0 when a is null then 1 when b is null then -1 else cast(length(a) - length(b) as integer) end)
select concat(array[1], array[2], array[3]), array[1] || array[2]
select element_at(array[1,2], 0)
select array_first(array[1,2])
select cardinality(map()), map()
select format_number(1234567), format_number(999)
select parse_data_size('2.5kB'), parse_data_size('1GB')
select sum(x) over (order by x groups between 1 preceding and current row) from (values 1,2,2,3) t(x) order by 1
select x, first_value(x) over (order by x desc nulls last) from (values 1,null) t(x) order by x
select x, count(*) over w, sum(x) over w from (values 1,2,3) t(x) window w as (order by x) order by x
select lag(y, 1) ignore nulls over (order by x), lead(y) ignore nulls over (order by x) from (values (1,'a'),(2,null),(3,'c')) t(x,y) order by 1, 2
select first_value(y) ignore nulls over (order by x), nth_value(y, 2) ignore nulls over (order by x rows between unbounded preceding and unbounded following) from (values (1,null),(2,'b'),(3,'c')) t(x,y) order by x
select 5 < any (values 1,9), 5 >= all (values 1,5), 5 <> all (values 1), 5 = some (values 5, null), 1 = all (select 1 where false)
select 3 > all (values 1,null), 3 < any (values 1,null)
select * from (values (1,2)) t(x,y) natural join (values (1,3)) u(x,z)
select count(*) from (values 1,2) t(x) group by ()
select x, y, count(*) from (values (1,2),(1,3)) t(x,y) group by x, rollup(y) order by 1, 2
select x from (values 1,1,2,3) t(x) group by x having count(*) > 1 or x = 3 order by 1
select 1 as x union all select null order by 1
select x from (values 1,2,3) t(x) where x in (select y from (values 2,null) u(y)) or x > 2
select case when null then 1 else 2 end, if(null, 1, 2), null and true, null or true, not (null = 1)
select coalesce(null, null), nullif(null, 1), nullif(1, null)
select x between 1 and null from (values 0,1,2) t(x)
select count(*) from (values 1) t(x) where not (x in (2, null))
select date '2024-01-31' + interval '1' month - interval '1' month, date_add('month', -1, date '2024-03-31')
select cast('2024-01-01 00:00:00 Asia/Seoul' as timestamp with time zone)
select current_timezone()
select interval '1' day > interval '23' hour, interval '25' hour, interval '13' month, -interval '1' day
select time '10:11:12', cast('10:11' as time)
select date_format(date '2024-01-02', '%Y'), date_format(from_unixtime(0) at time zone 'Asia/Seoul', '%H:%i')
select from_unixtime(1700000000.123456e0), from_unixtime(0, 9, 0), from_unixtime(1e9)
select substring('abc', 2), substring('abc' from 2 for 1), position('b' in 'abc'), char_length('abc')
select lower(null), length(null), concat('a', null), 'a' || null
select "x" from (values 1) t(X)
select X as Foo, x as "Bar" from (values 1) t(x)
select t.* from (values (1, 2)) t(A, b)
select (select 1 where false), (select null)
select row(1, 'a').field0
select row(1,2) = row(1,2), row(1,2) < row(1,3), row(1,null) = row(1,2)
select array[1,2] = array[1,2], array[1] < array[2], array[1,null] = array[1,null]
select distinct array[1] from (values 1,2) t(x)
select map(array[1],array[2]) = map(array[1],array[2])
select max(array[1,2]), min(row(1,'b')), max(x) from (values true, false) t(x)
select cast(1 as real) / 3, real '1.5' + 1, cast(0.1 as real) + cast(0.2 as double)
select 1e0 = 1, 1.0 = 1, cast(1 as decimal(3,1)) = 1e0
select 1 / 3 * 3e0, 7 / 2.0, 7.0 / 2, cast(7 as decimal(10,0)) / 2
select cast(10 as decimal(38,0)) * cast(10 as decimal(38,0))
select sum(x) from (values 9223372036854775807, 1) t(x)
select avg(x) from (values 9223372036854775807, 9223372036854775807) t(x)
select abs(-9223372036854775808)
select cast(9223372036854775807 as double), cast(9007199254740993 as double)
select cast(1.5 as integer), cast(2147483648 as integer)
select cast(' x' as char(4)) || '|', cast('abc' as char(2)), char 'a' = 'a '
select 'a' = 'a ', cast('a' as char(3)) = cast('a' as char(2))
select x'ff' = from_hex('FF'), length(x'ffff'), to_hex(x'0a')
