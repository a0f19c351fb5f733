// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
//
// Counts flows in the kernel: one program sees every packet of the interfaces, the other those that a firewall refused.
//
// This file, alone in vpcflow, is licensed "Dual BSD/GPL": the kernel lends some of its helpers only to programs under a licence
// that goes with the GPL. You may use it under BSD-3-Clause or under GPL-2.0-only.
//
// It is compiled once, by `make ebpf`, and the object lies beside it; nothing is compiled where it runs. What differs between
// kernels (places of members in structures, numbers of drop reasons) is read from the kernel's BTF by the loader and
// written into `settings` before the program is loaded: the verifier sees constants, and drops what is not used.
//
// `flows` and `drops` hold one table each, which the loader swaps for an empty one: once the kernel has told that nobody uses the
// old one any more, it is read at leisure, and no packet falls between two readings.

// What it needs of the kernel's interface (include/uapi/linux/bpf.h), written out: no header is needed to build it.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_ARRAY_OF_MAPS = 12 };
enum { NOEXIST = 1 };
enum { FROM_MAC, FROM_NETWORK };

struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex;
	__u32 tc_index, cb[5], hash, tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4];
	__u32 remote_port, local_port, data_meta;
	__u64 flow_keys, tstamp;
	__u32 wire_len, gso_segs;
	__u64 sk;
	__u32 gso_size;
};

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

static void *(*const lookup)(void *map, const void *key) = (void *)1;
static long (*const update)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const load_from)(const void *skb, __u32 offset, void *to, __u32 size, __u32 base) = (void *)68;
static long (*const read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static __u64 (*const boot_ns)(void) = (void *)125;

// --- settings: the loader knows these names, in this order ------------------------------------------------------------

enum setting {
	INTERVAL_NS, // length of an aggregation interval
	KEEP_ND, // count neighbor discovery too
	CHOSEN_ONLY, // count only interfaces in `chosen`; else all but the loopback
	NETNS, // inode of the network namespace
	MARKS, // take packet marks of refused packets for layer and rule
	REASONS, // drop reasons that mean "refused", as 256 bits
	SKB_DEV = REASONS + 4, // from here on: places of members
	SKB_IIF,
	SKB_HEAD,
	SKB_DATA,
	SKB_LEN,
	SKB_TAIL,
	SKB_END,
	SKB_NETWORK_HEADER,
	SKB_MARK,
	SKB_DST,
	SKB_SK,
	SKB_NFCT, // 0 where the kernel has no connection tracking
	SHARED_GSO_SIZE,
	SHARED_GSO_SEGS,
	DEV_IFINDEX,
	DEV_NET,
	DST_DEV,
	SK_NET,
	NET_INUM,
	CT_STATUS,
	CT_TUPLES,
	CT_TUPLE_SIZE,
	TUPLE_SRC,
	TUPLE_SPORT,
	TUPLE_DST,
	TUPLE_DPORT,
	TUPLE_PROTOCOL,
	SETTINGS,
};

SECTION(".rodata") volatile const __u64 settings[SETTINGS] = {};

// --- maps: the loader makes them from these -----------------------------------------------------------------------------

struct map {
	__u32 type, key_size, value_size, max_entries;
};

struct key {
	__u64 src[2], dst[2]; // high and low half of the address as numbers; IPv4 lies in the low half
	__u32 ifindex;
	__u32 interval; // since the epoch
	__u16 srcport, dstport;
	__u8 protocol, version, direction, spare;
};

struct drop_key {
	struct key flow;
	__u32 mark, spare;
};

struct count {
	__u64 first, last; // ns since boot
	__u64 packets, bytes;
	__u32 flags, spare;
};

enum { INGRESS = 1, EGRESS = 2, PASSING = 3 }; // PASSING: to a host that is not this one, seen by promiscuous interfaces

// One entry in an outer map is the table in use; the loader sets max_entries of tables.
SECTION("maps") struct map flows = { MAP_ARRAY_OF_MAPS, 4, 4, 1 };
SECTION("maps") struct map drops = { MAP_ARRAY_OF_MAPS, 4, 4, 1 };
SECTION("maps") struct map flow_table = { MAP_HASH, sizeof(struct key), sizeof(struct count), 0 };
SECTION("maps") struct map drop_table = { MAP_HASH, sizeof(struct drop_key), sizeof(struct count), 0 };
// ns between boot and epoch. Not a setting: the clock may be set.
SECTION("maps") struct map epoch = { MAP_ARRAY, 4, 8, 1 };
// ifindexes that are counted, where not all are.
SECTION("maps") struct map chosen = { MAP_HASH, 4, 4, 4096 };
// Packets that found no room in a table, by ifindex.
SECTION("maps") struct map lost = { MAP_HASH, 4, 8, 4096 };
// Packets by what became of them: numbers of `capture/reasons.py`.
SECTION("maps") struct map reasons = { MAP_PERCPU_ARRAY, 4, 8, 32 };

enum reason { RECORDED, ARP, NOT_IP, LINK_TYPE, CUT, BAD_IP, BAD_TRANSPORT, NEIGHBOR_DISCOVERY = 11 };

INLINE void tell(__u32 reason)
{
	__u64 *count = lookup(&reasons, &reason);

	if (count)
		(*count)++;
}

INLINE void lose(__u32 ifindex, __u64 packets)
{
	__u64 *count = lookup(&lost, &ifindex);

	if (!count) {
		update(&lost, &ifindex, &packets, NOEXIST);
		return;
	}
	__sync_fetch_and_add(count, packets);
}

INLINE int is_chosen(__u32 ifindex)
{
	if (settings[CHOSEN_ONLY])
		return lookup(&chosen, &ifindex) != 0;
	return ifindex != 1;
}

// --- headers ----------------------------------------------------------------------------------------------------------------

struct packet {
	struct key key;
	__u32 length; // from the IP header on
	__u32 headers; // of these, what each segment of a super-packet repeats
	__u32 flags;
};

// Where bytes come from: a packet at the tap, or the memory of one that is being freed.
struct bytes {
	const void *skb; // at the tap
	__u32 base; // at the tap: which header places are counted from
	const void *start; // in memory: the IP header
	__u32 room; // in memory: readable bytes from there on
};

INLINE int load(const struct bytes *from, __u32 at, void *to, __u32 size)
{
	if (from->skb)
		return load_from(from->skb, at, to, size, from->base) != 0;
	return at + size > from->room || read_kernel(to, size, from->start + at) != 0;
}

INLINE __u32 be16(const __u8 *from)
{
	return from[0] << 8 | from[1];
}

INLINE __u32 be32(const __u8 *from)
{
	return be16(from) << 16 | be16(from + 2);
}

INLINE __u64 be64(const __u8 *from)
{
	return (__u64)be32(from) << 32 | be32(from + 4);
}

// Read ports and flags at `place`; the packet ends at `end`.
INLINE int read_transport(const struct bytes *from, __u32 place, __u32 end, struct packet *packet)
{
	__u32 protocol = packet->key.protocol;
	__u8 head[4];

	packet->headers = place;
	if (protocol == 58 && !settings[KEEP_ND]) {
		if (place < end && !load(from, place, head, 1) && head[0] >= 133 && head[0] <= 137)
			return NEIGHBOR_DISCOVERY;
		return RECORDED;
	}
	if (protocol != 6 && protocol != 17 && protocol != 33 && protocol != 132 && protocol != 136)
		return RECORDED;
	if (place + 4 > end)
		return BAD_TRANSPORT;
	if (load(from, place, head, 4))
		return CUT;
	packet->key.srcport = be16(head);
	packet->key.dstport = be16(head + 2);
	if (protocol != 6) {
		packet->headers += 8;
		return RECORDED;
	}
	if (place + 14 > end || load(from, place + 12, head, 2)) {
		packet->flags = 128;
		packet->headers += 20;
		return RECORDED;
	}
	packet->headers += (head[0] >> 4) * 4;
	// VPC User Guide, "Flow log records", tcp-flags: FIN, SYN, RST; ACK only as part of SYN-ACK.
	packet->flags = head[1] & 7;
	if ((head[1] & 18) == 18)
		packet->flags |= 16;
	return RECORDED;
}

// Read the IP packet that begins at `skip`, of which there are `whole` bytes.
INLINE int read_packet(const struct bytes *from, __u32 skip, __u32 whole, struct packet *packet)
{
	__u32 length, place, protocol, fragment = 0;
	__u8 head[40];

	if (load(from, skip, head, 20))
		return whole < 20 ? BAD_IP : CUT;
	packet->key.version = head[0] >> 4;
	if (packet->key.version == 4) {
		place = (head[0] & 15) * 4;
		length = be16(head + 2);
		if (!length) // more than 64 kB on its way through
			length = whole;
		if (place < 20 || length < place || length > whole)
			return BAD_IP;
		fragment = be16(head + 6) & 0x1fff;
		protocol = head[9];
		packet->key.src[1] = be32(head + 12);
		packet->key.dst[1] = be32(head + 16);
	} else if (packet->key.version == 6) {
		if (load(from, skip, head, 40))
			return whole < 40 ? BAD_IP : CUT;
		length = be16(head + 4);
		protocol = head[6];
		// A jumbogram says its length in an option, a super-packet may say none.
		length = !length && (protocol == 0 || protocol == 6 || protocol == 17) ? whole : length + 40;
		if (length > whole)
			return BAD_IP;
		packet->key.src[0] = be64(head + 8);
		packet->key.src[1] = be64(head + 16);
		packet->key.dst[0] = be64(head + 24);
		packet->key.dst[1] = be64(head + 32);
		place = 40;
		for (int seen = 0;; seen++) { // RFC 8200 section 4, RFC 4302 section 2
			__u32 kind = protocol;

			if (kind != 0 && kind != 43 && kind != 44 && kind != 51 && kind != 60)
				break;
			if (seen == 16 || place + 8 > length)
				return BAD_IP;
			if (load(from, skip + place, head, 4))
				return CUT;
			protocol = head[0];
			if (kind == 44) {
				place += 8;
				fragment = be16(head + 2) & 0xfff8;
				if (fragment)
					break;
			} else if (kind == 51) {
				place += (head[1] + 2) * 4;
			} else {
				place += (head[1] + 1) * 8;
			}
		}
	} else {
		return BAD_IP;
	}
	packet->key.protocol = protocol;
	packet->length = length;
	packet->headers = place;
	if (fragment)
		return RECORDED;
	protocol = read_transport(from, skip + place, skip + length, packet);
	packet->headers -= skip;
	return protocol;
}

// --- counting ---------------------------------------------------------------------------------------------------------------

// Count a packet, or all segments of a super-packet of which each carries `size` bytes (0: it is none; segments: 0 for unknown).
INLINE void count(void *outer, void *key, const struct packet *packet, __u32 size, __u32 segments, __u64 now)
{
	__u32 zero = 0, payload = packet->length - packet->headers;
	struct count *there, fresh = {};
	void *table = lookup(outer, &zero);

	if (!table)
		return;
	if (!size || packet->headers >= packet->length || payload <= size)
		segments = 1;
	else if (!segments || packet->key.protocol == 6)
		segments = (payload + size - 1) / size;
	fresh.first = fresh.last = now;
	fresh.packets = segments;
	fresh.bytes = packet->length + (__u64)(segments - 1) * packet->headers;
	fresh.flags = packet->flags;
	there = lookup(table, key);
	if (!there) {
		if (!update(table, key, &fresh, NOEXIST))
			return;
		there = lookup(table, key); // another processor was faster, or there is no room
		if (!there) {
			lose(packet->key.ifindex, segments);
			return;
		}
	}
	__sync_fetch_and_add(&there->packets, fresh.packets);
	__sync_fetch_and_add(&there->bytes, fresh.bytes);
	if (there->last < now)
		there->last = now;
	if ((there->flags & fresh.flags) != fresh.flags)
		there->flags |= fresh.flags;
}

INLINE __u32 interval_at(__u64 now)
{
	__u32 zero = 0;
	__u64 *offset = lookup(&epoch, &zero);

	return offset ? (now + *offset) / settings[INTERVAL_NS] : 0;
}

INLINE __u32 swapped(__u32 number)
{
	return __builtin_bswap16(number);
}

INLINE int is_tag(__u32 kind)
{
	return kind == 0x8100 || kind == 0x88a8 || kind == 0x9100 || kind == 0x9200;
}

// Every packet of an interface: coming in before any firewall, going out behind them all. The socket gets none of them.
SECTION("socket") int on_packet(struct __sk_buff *skb)
{
	struct bytes from = { .skb = skb, .base = FROM_NETWORK };
	struct packet packet = {};
	__u32 kind = swapped(skb->protocol), whole = skb->len, skip = 0;
	__u64 now;
	int found;

	if (!is_chosen(skb->ifindex))
		return 0;
	if (is_tag(kind)) {
		// Tags are looked for from the link layer on: the network header lies behind them in what the stack sends, and before
		// them in what came in with more than one, whose first is off already.
		from.base = FROM_MAC;
		skip = 14;
		for (int tags = 0; tags < 8 && is_tag(kind); tags++) {
			__u8 tag[4];

			if (load(&from, skip, tag, 4))
				break;
			kind = be16(tag + 2);
			skip += 4;
			if (skb->pkt_type != 4)
				whole -= 4;
		}
	}
	if (kind != 0x0800 && kind != 0x86dd) {
		tell(kind == 0x0806 || kind == 0x8035 ? ARP : NOT_IP);
		return 0;
	}
	found = read_packet(&from, skip, whole, &packet);
	if (found != RECORDED) {
		tell(found);
		return 0;
	}
	now = boot_ns();
	packet.key.ifindex = skb->ifindex;
	packet.key.interval = interval_at(now);
	packet.key.direction = skb->pkt_type == 4 ? EGRESS : skb->pkt_type == 3 ? PASSING : INGRESS;
	count(&flows, &packet.key, &packet, skb->gso_size, skb->gso_segs, now);
	return 0;
}

// --- refused packets --------------------------------------------------------------------------------------------------------

#define MEMBER(type, from, place)                                           \
	({                                                                  \
		type _value = 0;                                            \
		read_kernel(&_value, sizeof(_value), (from) + settings[place]); \
		_value;                                                     \
	})

INLINE int is_ours(const void *net)
{
	return net && MEMBER(__u32, net, NET_INUM) == (__u32)settings[NETNS];
}

INLINE void read_end(const void *tuple, int address, int port, int version, __u64 *to, __u16 *number)
{
	__u8 bytes[16];

	if (read_kernel(bytes, 16, tuple + settings[address]))
		return;
	to[0] = version == 4 ? 0 : be64(bytes);
	to[1] = version == 4 ? be32(bytes) : be64(bytes + 8);
	if (*number)
		*number = swapped(MEMBER(__u16, tuple, port));
}

// Give a packet whose addresses were translated before it was refused the ones it came with.
INLINE void restore(const void *skb, struct key *key)
{
	__u64 word = MEMBER(__u64, skb, SKB_NFCT);
	const void *tuple, *connection = (const void *)(word & ~7ULL);

	if (!connection || !(MEMBER(__u64, connection, CT_STATUS) & 0x30)) // IPS_SRC_NAT, IPS_DST_NAT
		return;
	tuple = connection + settings[CT_TUPLES];
	if ((word & 7) >= 3) // enum ip_conntrack_info: a reply
		tuple += settings[CT_TUPLE_SIZE];
	if (MEMBER(__u8, tuple, TUPLE_PROTOCOL) != key->protocol) // an ICMP error carries its cause's connection
		return;
	read_end(tuple, TUPLE_SRC, TUPLE_SPORT, key->version, key->src, &key->srcport);
	read_end(tuple, TUPLE_DST, TUPLE_DPORT, key->version, key->dst, &key->dstport);
}

// A packet is being freed, and the kernel says why.
SECTION("raw_tp") int on_drop(__u64 *arguments)
{
	const void *skb = (const void *)arguments[0], *dev, *net, *sk, *head, *start, *shared;
	__u32 reason = arguments[2], iif, out = 0, whole;
	struct packet packet = {};
	struct bytes from = {};
	struct drop_key key = {};
	int found;
	__u64 now;

	if (reason > 255 || !(settings[REASONS + reason / 64] >> (reason & 63) & 1))
		return 0;
	iif = MEMBER(__u32, skb, SKB_IIF);
	dev = MEMBER(void *, skb, SKB_DEV);
	if (!dev) {
		const void *dst = (const void *)(MEMBER(__u64, skb, SKB_DST) & ~1ULL);

		dev = dst ? MEMBER(void *, dst, DST_DEV) : 0;
		if (iif)
			out = iif;
	}
	sk = MEMBER(void *, skb, SKB_SK);
	net = dev ? MEMBER(void *, dev, DEV_NET) : sk ? MEMBER(void *, sk, SK_NET) : 0;
	if (!is_ours(net))
		return 0;
	if (!out && dev)
		out = MEMBER(__u32, dev, DEV_IFINDEX);
	if (!is_chosen(out))
		return 0;

	head = MEMBER(void *, skb, SKB_HEAD);
	start = head + MEMBER(__u16, skb, SKB_NETWORK_HEADER);
	whole = MEMBER(__u32, skb, SKB_LEN) - (__u32)(start - MEMBER(void *, skb, SKB_DATA));
	from.start = start;
	from.room = MEMBER(__u32, skb, SKB_TAIL) - MEMBER(__u16, skb, SKB_NETWORK_HEADER);
	found = read_packet(&from, 0, whole, &packet);
	if (found == NEIGHBOR_DISCOVERY || found == BAD_IP)
		return 0;
	now = boot_ns();
	packet.key.ifindex = out;
	packet.key.interval = interval_at(now);
	packet.key.direction = iif && iif == out ? INGRESS : EGRESS;
	if (settings[SKB_NFCT] && packet.key.direction == INGRESS)
		restore(skb, &packet.key);
	key.flow = packet.key;
	if (settings[MARKS])
		key.mark = MEMBER(__u32, skb, SKB_MARK);
	shared = head + MEMBER(__u32, skb, SKB_END);
	count(&drops, &key, &packet, MEMBER(__u16, shared, SHARED_GSO_SIZE), MEMBER(__u16, shared, SHARED_GSO_SEGS), now);
	return 0;
}

SECTION("license") char licence[] = "Dual BSD/GPL";
