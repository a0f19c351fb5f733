-- Questions over the records of flow_logs/; one a line. What stands after "-- " at a line's end says how it was recorded (README.md):
-- "dash": on a table that holds "-" where AWS's text has it; "flows": names of our own, written out for Trino; "now": the day is 2023-12-02.

-- Grafana's macros (spec: Athena data source)
select 1
select start, bytes from flow_logs where from_unixtime(start) between timestamp '2023-11-30 22:59:00' and timestamp '2023-11-30 23:59:59' order by bytes, start
select count(*) from flows where start_time between timestamp '2023-11-30 22:59:00' and timestamp '2023-12-01 00:00:00' -- flows
select count(*) from flow_logs where parse_datetime(concat(year, '/', month, '/', day), 'yyyy/MM/dd') between timestamp '2023-12-01 00:00:00' and timestamp '2023-12-01 23:59:59'
select timestamp '2023-11-30 22:59:00' as "from", timestamp '2023-12-01 00:00:00' as "to", '2023-11-30 22:59:00' as raw
select count(*) from flow_logs where date_format(from_unixtime(start), '%Y-%m-%d %H:%i:%s') between '2023-11-30 22:59:00' and '2023-11-30 23:59:59'
select count(*) from flow_logs where date between date '2023-11-30' and date '2023-11-30'
select count(*) from flow_logs where date between date '2023-12-01' and date '2023-12-02'
select min(parse_datetime(year || '-' || month || '-' || day || ' ' || hour, 'yyyy-MM-dd HH')) as t, count(*) from flow_logs where parse_datetime(year || '-' || month || '-' || day, 'yyyy-MM-dd') >= timestamp '2023-12-01 00:00:00'
select from_unixtime(floor(to_unixtime(from_unixtime(start))/300)*300) as time, sum(bytes) as bytes from flow_logs where from_unixtime(start) between timestamp '2023-11-30 22:59:00' and timestamp '2023-12-01 23:59:59' group by from_unixtime(floor(to_unixtime(from_unixtime(start))/300)*300) order by 1
select count(*) from flow_logs where start between 1701385140 and 1701388740
select from_unixtime(floor(start/300)*300) as time, action, count(*) from flow_logs where start between 1701385140 and 1701399999 group by from_unixtime(floor(start/300)*300), action order by 1, 2
select from_unixtime(floor(start/60)*60), sum(packets) from vpc_flow_logs group by 1 order by 1
select from_unixtime(floor(to_unixtime(start_time)/3600)*3600) as time, src, sum(bytes) from flows group by 1, 2 order by 1, 2 -- flows

-- Sample queries of the guide
select * from vpc_flow_logs where date = date('2023-11-30') order by start, srcaddr, bytes limit 100
select * from vpc_flow_logs where date = date '2020-05-04' limit 100
select day_of_week(date) as day, date, interface_id, srcaddr, action, protocol from vpc_flow_logs where action = 'REJECT' and protocol = 6 order by date, interface_id, srcaddr limit 100
select sum(packets) as packetcount, dstaddr from vpc_flow_logs where dstport = 443 and date > current_date - interval '7' day group by dstaddr order by packetcount desc limit 10 -- now
select sum(packets) as packetcount, dstaddr from vpc_flow_logs where date > current_date - interval '2' day group by dstaddr order by packetcount desc limit 10 -- now
select account_id, interface_id, to_iso8601(from_unixtime(start)) as start_time, to_iso8601(from_unixtime("end")) as end_time, srcaddr, bytes from vpc_flow_logs where DATE >= date '2023-12-01' and DATE < date '2023-12-31' order by start, bytes
select srcaddr, dstaddr, srcport, dstport, protocol from vpc_flow_logs where split_part(srcaddr,'.', 1)='10' and split_part(srcaddr,'.', 2) ='117' order by dstaddr, bytes
select day, srcaddr, bytes from vpc_flow_logs where day >= '01' and day < '28' order by day asc, bytes limit 100
select Interface_ID, "srcaddr", SrcPort from VPC_FLOW_LOGS where ACTION = 'REJECT' order by BYTES

-- Rows without data, and "-" (a text table of AWS's has "-", the lake null)
select log_status, count(*), count(srcaddr), count(bytes), sum(bytes), min(start) from flow_logs group by log_status order by log_status
select log_status, action, srcaddr, srcport, protocol, bytes from flow_logs where log_status <> 'OK' order by start, "end"
select count(*) from flow_logs where srcaddr = '-' -- dash
select count(*) from flow_logs where srcaddr <> '-' -- dash
select count(*) from flow_logs where '-' = srcaddr -- dash
select count(*) from flow_logs where srcaddr != '-' and bytes > 1000 -- dash
select count(*) from flow_logs where srcaddr in ('-', '10.0.0.1') -- dash
select count(*) from flow_logs where action not in ('-') -- dash
select count(*) from flow_logs where not (srcaddr = '-') -- dash
select count(*) from flow_logs f where f.action = '-' or f.srcport = 443 -- dash
select count(*) from (select srcaddr as s from flow_logs) where s = '-' -- dash
select sum(case when srcaddr = '-' then 1 else 0 end), count_if(action <> '-'), count(if(dstaddr = '-', null, 1)) from flow_logs -- dash
select count(*) from flow_logs where try_cast(srcaddr as ipaddress) is null -- dash
select count(*) from flow_logs where contains('10.0.0.0/8', try_cast(srcaddr as ipaddress)) -- dash
select count(*) from flow_logs where log_status = 'OK' and contains('10.0.0.0/8', cast(srcaddr as ipaddress)) -- dash
select count(*) from flow_logs where srcport is null and bytes is null -- dash
select srcaddr, count(*) from flow_logs where srcaddr <> '-' group by srcaddr order by 1 -- dash
select count(*) from flow_logs where srcaddr is null
select count(*) from flow_logs where srcaddr is not null
select coalesce(srcaddr, 'none'), coalesce(bytes, 0) from flow_logs where log_status = 'NODATA' order by 1, 2, start
select count(*) from flow_logs where action is distinct from 'ACCEPT'
select count(*) from flow_logs where action <> 'ACCEPT'
select count(*) from flow_logs where bytes > 0 or bytes is null
select bytes, srcaddr from flow_logs order by bytes, start limit 5
select bytes, srcaddr from flow_logs where start < 1701388800 order by bytes desc, start limit 40
select srcaddr, bytes from flow_logs order by srcaddr desc nulls first, start, bytes limit 12

-- Time functions
select distinct from_unixtime(start) from flow_logs where bytes < 1000000
select from_unixtime(start, 'Asia/Seoul'), from_unixtime(start) at time zone 'America/New_York' from flow_logs where bytes < 40000 order by bytes, start
select to_unixtime(from_unixtime(start)), to_unixtime(from_unixtime("end")) - to_unixtime(from_unixtime(start)) from flow_logs order by start, "end", bytes
select date_parse(concat(year, '-', month, '-', day), '%Y-%m-%d'), date_format(from_unixtime(start), '%Y-%m-%dT%H:%i:%sZ'), count(*) from flow_logs group by 1, 2 order by 2
select parse_datetime(year || month || day, 'yyyyMMdd'), format_datetime(from_unixtime(start), 'yyyy/MM/dd HH:mm'), count(*) from flow_logs group by 1, 2 order by 2
select from_iso8601_timestamp(to_iso8601(from_unixtime(start))) = from_unixtime(start), count(*) from flow_logs group by 1
select date_trunc('hour', from_unixtime(start)) as h, sum(bytes), count(*) from flow_logs group by 1 order by 1
select date_trunc('day', from_unixtime(start) at time zone 'Asia/Seoul'), count(*) from flow_logs group by 1 order by 1
select date_add('day', 1, date), date_add('minute', -5, from_unixtime(start)), bytes from flow_logs where bytes < 1000000000 order by bytes, start
select date_diff('minute', from_unixtime(start), from_unixtime("end")) as m, count(*) from flow_logs group by 1 order by 1
select date_diff('hour', timestamp '2023-11-30 23:00:00', from_unixtime(start)), count(*) from flow_logs group by 1 order by 1
select count(*), current_date, now() > from_unixtime(max(start)), current_timestamp = now() from flow_logs -- now
select day_of_week(date), day_of_week(from_unixtime(start)), dow(date), count(*) from flow_logs group by 1, 2, 3 order by 1
select year(from_unixtime(start)), month(date), day(date), hour(from_unixtime(start)), minute(from_unixtime(start)), count(*) from flow_logs group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
select date(from_unixtime(start)) = date, count(*) from flow_logs group by 1
select at_timezone(from_unixtime(min(start)), 'Europe/Berlin'), max(from_unixtime(start) + interval '7' day) from flow_logs
select count(*) from flow_logs where from_unixtime(start) >= timestamp '2023-12-01 00:00:00 UTC' - interval '1' hour
select count(*) from flow_logs where from_unixtime(start) >= timestamp '2023-12-01 00:00:00 Asia/Seoul'
select count(*) from flow_logs where date = date '2023-12-01' and hour in ('00', '01')
select year, month, day, hour, count(*) from flow_logs group by year, month, day, hour order by year, month, day, hour
select count(*) from flow_logs where year = '2023' and month = '11' and day = '30' and hour >= '23'
select count(*) from flow_logs where concat(year, month, day, hour) between '2023113023' and '2023120100'
select aws_account_id, aws_region, date, count(*) from flow_logs group by 1, 2, 3 order by 1, 2, 3
select extract(hour from from_unixtime(start)) as h, count(*) from flow_logs group by 1 order by 1
select last_day_of_month(date), week(date), quarter(date), day_of_year(date), year_of_week(date), count(*) from flow_logs group by 1, 2, 3, 4, 5 order by 1, 4
select human_readable_seconds("end" - start), count(*) from flow_logs group by 1 order by 1

-- Addresses
select count(*) from flow_logs where contains('10.0.0.0/8', cast(srcaddr as ipaddress))
select srcaddr, count(*) from flow_logs where contains('172.16.0.0/12', cast(srcaddr as ipaddress)) or contains('2001:db8::/32', cast(srcaddr as ipaddress)) group by 1 order by 1
select count(*) from flow_logs where not contains('10.0.0.0/8', try_cast(dstaddr as ipaddress))
select count(*) from flow_logs where contains('10.0.0.0/8', try_cast(srcaddr as ipaddress)) and not contains('10.0.0.0/8', try_cast(dstaddr as ipaddress))
select count(*) from flow_logs where contains('0.0.0.0/0', cast(srcaddr as ipaddress))
select count(*) from flow_logs where contains('::/0', cast(srcaddr as ipaddress))
select count(*) from flow_logs where contains('10.0.0.1/32', cast(srcaddr as ipaddress)) or contains('2001:db8::1/128', cast(dstaddr as ipaddress))
select distinct cast(srcaddr as ipaddress) as a from flow_logs order by a
select cast(srcaddr as ipaddress), bytes from flow_logs where cast(srcaddr as ipaddress) between ipaddress '10.0.0.1' and ipaddress '10.0.0.255' order by bytes, start
select count(*) from flow_logs where cast(srcaddr as ipaddress) = ipaddress '2001:DB8:0::1'
select contains('10.0.0.0/8', cast(srcaddr as ipaddress)) as inside, count(*) from flow_logs group by 1 order by 1
select case when contains('10.0.0.0/8', try_cast(srcaddr as ipaddress)) then 'internal' when srcaddr is null then 'none' else 'external' end as side, sum(bytes) from flow_logs group by 1 order by 1

-- Aggregates
select count(*), count(bytes), count(distinct srcaddr), count_if(action = 'REJECT'), sum(bytes), avg(bytes), min(bytes), max(bytes) from flow_logs
select approx_distinct(srcaddr), approx_distinct(srcport), approx_percentile(packets, 0.5) from flow_logs
select max_by(srcaddr, bytes), min_by(dstaddr, bytes), max_by(srcaddr, bytes, 3), min_by(srcaddr, bytes, 2) from flow_logs
select any_value(log_status), arbitrary(aws_region) from flow_logs where aws_region = 'eu-west-1' and log_status = 'OK'
select action, array_agg(distinct dstport order by dstport), cardinality(array_agg(srcaddr)) from flow_logs group by action order by action
select map_agg(interface_id, aws_region) from flow_logs where aws_account_id = '210987654321'
select histogram(action), histogram(protocol) from flow_logs
select bool_or(action = 'REJECT'), bool_and(bytes > 0), every(start < "end") from flow_logs
select interface_id, stddev(packets), variance(packets), stddev_pop(packets), var_pop(packets) from flow_logs group by 1 order by 1
select srcaddr, sum(bytes) filter (where action = 'ACCEPT'), sum(bytes) filter (where action = 'REJECT') from flow_logs group by 1 order by 1
select srcaddr, sum(bytes) as b from flow_logs group by srcaddr having sum(bytes) > 1000000000 order by b desc
select listagg(distinct aws_region, ',') within group (order by aws_region) from flow_logs
select multimap_agg(aws_region, protocol) from (select distinct aws_region, protocol from flow_logs where protocol = 58)
select sum(bytes) / count(*), sum(bytes) / 1024 / 1024, sum(bytes) / 1024.0, cast(sum(bytes) as double) / 1e9 from flow_logs
select bitwise_or_agg(tcp_flags), bitwise_and_agg(protocol) from flow_logs where protocol = 6

-- Text
select split(srcaddr, '.'), split_part(srcaddr, '.', 4), split_part(srcaddr, '.', 9), bytes from flow_logs where bytes < 1000000 order by bytes, start
select substr(interface_id, 5), substr(interface_id, -3), strpos(srcaddr, ':'), length(srcaddr), bytes from flow_logs order by bytes, start
select distinct srcaddr from flow_logs where regexp_like(srcaddr, '^(10|172)\.') order by 1
select distinct regexp_extract(srcaddr, '^(\d+)\.(\d+)', 2), regexp_replace(srcaddr, '\.\d+$', '.0/24') from flow_logs order by 2
select concat(srcaddr, ' > ', dstaddr), srcaddr || ':' || cast(srcport as varchar) as a, bytes from flow_logs order by bytes, start
select distinct lower(log_status), upper(action), trim('  ' || action || ' '), replace(interface_id, 'eni-', ''), starts_with(srcaddr, '10.') from flow_logs order by 1, 2, 4, 5
select distinct lpad(cast(dstport as varchar), 5, '0'), rpad(cast(dstport as varchar), 6, '.') from flow_logs order by 1
select format('%s:%d is %,d bytes', srcaddr, srcport, bytes), format('%.3f%%', packets / 7e0) from flow_logs where bytes < 1000000000 order by bytes, start
select count(*) from flow_logs where interface_id like 'eni-0a%' or srcaddr like '10.\_' escape '\' or dstaddr like '%:%'
select distinct instance_tag, url_decode(instance_tag), split_part(url_decode(instance_tag), '=', 2), url_encode(url_decode(instance_tag)) from flow_logs order by 1

-- Numbers
select bytes / packets, bytes % packets, bytes * 8 / 60, -bytes / 7, round(bytes / 1e3, 2), round(bytes / 1024.0, 3), bytes from flow_logs order by bytes, start
select ceil(packets / 7e0), floor(packets / 7e0), abs(10 - packets), mod(bytes, 10), power(packets, 2), ln(packets), log10(packets) from flow_logs order by bytes, start
select tcp_flags, bitwise_and(tcp_flags, 2) > 0 as syn, bitwise_and(tcp_flags, 18) = 18 as synack, count(*) from flow_logs group by 1 order by 1
select greatest(srcport, dstport), least(srcport, dstport), bytes from flow_logs order by bytes, start
select sum(bytes) * 8.0 / (max("end") - min(start)), 100.0 * count_if(action = 'REJECT') / count(*), round(100e0 * count_if(action = 'REJECT') / count(*), 1) from flow_logs
select bytes * 1.5, bytes / 3.0, cast(bytes as decimal(20,2)) / 7, packets from flow_logs where bytes > 1000000 order by bytes, start

-- Conditions and casts
select if(dstport < 1024, 'system', 'user'), case protocol when 6 then 'tcp' when 17 then 'udp' else 'other' end, nullif(srcport, 443), coalesce(pkt_srcaddr, srcaddr), try(bytes / (packets - 1)), bytes from flow_logs order by bytes, start
select try_cast(split_part(srcaddr, '.', 1) as integer), try_cast(srcaddr as integer), cast(bytes as varchar), cast(bytes as double), cast(srcport as varchar(5)), bytes from flow_logs order by bytes, start
select bytes / (packets - 1) from flow_logs
select cast(srcaddr as integer) from flow_logs
select cast(interface_id as ipaddress) from flow_logs
select count(*) from flow_logs where contains('10.0.0.0/8', cast(interface_id as ipaddress))
select count(*) from flow_logs where contains('10.0.0.0/8', cast(coalesce(srcaddr, '-') as ipaddress))
select count(*) from flow_logs where contains('10.0.0.0/8', cast(substr(srcaddr, 2) as ipaddress))
select count(*) from flow_logs where contains('10.0.0.0/8', try_cast(interface_id as ipaddress))
select srcport = '443' from flow_logs

-- Collections and documents
select cardinality(split(srcaddr, '.')), contains(array[22, 3389], dstport), element_at(split(srcaddr, '.'), 2), element_at(split(srcaddr, '.'), -1), bytes from flow_logs order by bytes, start
select f.bytes, p.part, p.n from flow_logs f cross join unnest(split(f.srcaddr, '.')) with ordinality as p(part, n) where f.bytes < 1000000 order by 1, 3
select array_join(array_agg(dstport order by dstport), ','), interface_id from flow_logs group by interface_id order by 2
select t.h, count(f.bytes) from unnest(sequence(0, 23)) as t(h) left join flow_logs f on cast(f.hour as integer) = t.h group by t.h order by 1
select d, count(f.start) from unnest(sequence(date '2023-11-29', date '2023-12-02', interval '1' day)) as t(d) left join flow_logs f on f.date = t.d group by 1 order by 1
select json_extract_scalar('{"22":"ssh","443":"https"}', '$["' || '443' || '"]'), json_format(json_parse('{"a": [1, 2]}')), count(*) from flow_logs
select transform(split(srcaddr, '.'), x -> try_cast(x as integer)), bytes from flow_logs where bytes < 1000000 order by bytes, start
select cast(row(srcaddr, bytes) as row(a varchar, b bigint)).b, map(array['p', 'b'], array[packets, bytes])['p'] from flow_logs where bytes < 1000000 order by 1

-- Shapes of queries
with t as (select srcaddr, sum(bytes) as b from flow_logs group by srcaddr) select srcaddr, b, rank() over (order by b desc) as r from t order by r
select srcaddr, bytes, row_number() over (partition by srcaddr order by bytes desc) as n, lag(bytes) over (partition by srcaddr order by bytes) as before, sum(bytes) over (partition by srcaddr order by bytes rows unbounded preceding) as running from flow_logs where srcaddr is not null order by srcaddr, bytes
select * from (select interface_id, srcaddr, sum(bytes) as b, row_number() over (partition by interface_id order by sum(bytes) desc) as n from flow_logs where log_status = 'OK' group by 1, 2) where n <= 2 order by 1, 4
select aws_region, action, sum(bytes), grouping(aws_region, action) from flow_logs group by grouping sets ((aws_region, action), (aws_region), ()) order by 4, 1, 2
select aws_region, action, count(*) from flow_logs group by rollup(aws_region, action) order by 1, 2, 3
select aws_region, action, count(*) from flow_logs group by cube(aws_region, action) order by 1, 2, 3
select srcaddr from flow_logs union select dstaddr from flow_logs order by 1
select srcaddr from flow_logs intersect select dstaddr from flow_logs order by 1
select srcaddr from flow_logs except select dstaddr from flow_logs order by 1
select a.srcaddr, a.dstaddr, a.bytes, b.bytes from flow_logs a join flow_logs b on a.srcaddr = b.dstaddr and a.dstaddr = b.srcaddr order by 3, 4, a.start
select f.srcaddr, n.name, count(*) from flow_logs f left join (values ('10.0.0.1', 'web'), ('10.0.0.2', 'db')) as n(addr, name) on f.srcaddr = n.addr group by 1, 2 order by 1, 2
select srcaddr, bytes from flow_logs f where bytes = (select max(bytes) from flow_logs g where g.srcaddr = f.srcaddr) order by bytes, start
select count(*) from flow_logs where srcaddr in (select dstaddr from flow_logs where action = 'REJECT')
select count(*) from flow_logs where srcaddr not in (select dstaddr from flow_logs where action = 'REJECT')
select count(*) from flow_logs f where exists (select 1 from flow_logs g where g.srcaddr = f.dstaddr)
select srcaddr, sum(bytes) from flow_logs where log_status = 'OK' group by srcaddr order by sum(bytes) desc offset 2 limit 3
select bytes from flow_logs where bytes is not null order by bytes desc fetch first 3 rows only
values (1, 'a'), (2, null)
select f.date, f."end", f.start from "awsdatacatalog"."default"."flow_logs" as f where f.bytes = 1
select src, dst, protocol_name, end_time from flows where src = '10.0.0.9' or dst = '10.0.0.9' order by bytes -- flows
select srcaddr, dstaddr, bytes from flow_logs where srcaddr = '10.0.0.1' or dstaddr = '10.0.0.1' order by bytes, start
select distinct aws_region, type from flow_logs order by 1, 2
