/* Linux's own tables through the BPF helper bpf_fib_lookup: an XDP program,
 * assembled here, looks up the keys of a map, and BPF_PROG_TEST_RUN repeats
 * it. Where that cannot be had, or with NO_BPF, through RTM_GETROUTE. Routes go
 * by netlink into a table of a network namespace that this process makes for
 * itself; the number of a hop is in its gateway's address. */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Keys that one run of the program looks up, or that are asked for in one message. */
#define PER_RUN 64
/* Bytes of netlink messages that are sent at once. */
#define CHUNK 32768
#define DEVICE "out0"

#ifndef NO_BPF
#define NO_BPF 0
#endif

/* Newer than Debian's headers. */
#define LOOKUP_DIRECT (1u << 0)
#define LOOKUP_SKIP_NEIGH (1u << 2)
#define LOOKUP_TBID (1u << 3)

/* What the program finds in a map for each key, and leaves there. */
struct slot {
	uint8_t addr[16];
	uint32_t hop;
	uint32_t pad;
};

/* Its state between runs. */
struct state {
	uint32_t cursor;
	uint32_t last;
	uint32_t table;
	uint32_t device;
	int32_t error; /* of the helper, where it refuses to look up at all */
};

static struct {
	size_t count;
	struct slot *slots;
	int programs[2]; /* independent, dependent */
} traces[SLOTS];

static int netlink;
static int state_map;
static struct state *state;
static uint32_t device;
static uint32_t table = 1000;
static int uses_netlink;
static char backend[128] = "bpf_fib_lookup";

static const char *peer_backend(void)
{
	return backend;
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int new_array(size_t value_size, size_t count, void **memory)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .map_flags = BPF_F_MMAPABLE };
	size_t page = sysconf(_SC_PAGESIZE), size = (value_size * count + page - 1) / page * page;
	int map;

	attr.key_size = 4;
	attr.value_size = value_size;
	attr.max_entries = count;
	map = bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		return -1;
	*memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	return *memory == MAP_FAILED ? -1 : map;
}

/* ---- the program ---- */

#define INSN(CODE, DST, SRC, OFF, IMM) \
	((struct bpf_insn){ .code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), .imm = (IMM) })
#define MOV(DST, SRC) INSN(BPF_ALU64 | BPF_MOV | BPF_X, DST, SRC, 0, 0)
#define MOVI(DST, IMM) INSN(BPF_ALU64 | BPF_MOV | BPF_K, DST, 0, 0, IMM)
#define ADDI(DST, IMM) INSN(BPF_ALU64 | BPF_ADD | BPF_K, DST, 0, 0, IMM)
#define ANDI(DST, IMM) INSN(BPF_ALU64 | BPF_AND | BPF_K, DST, 0, 0, IMM)
#define SHLI(DST, IMM) INSN(BPF_ALU64 | BPF_LSH | BPF_K, DST, 0, 0, IMM)
#define XOR(DST, SRC) INSN(BPF_ALU64 | BPF_XOR | BPF_X, DST, SRC, 0, 0)
#define OR(DST, SRC) INSN(BPF_ALU64 | BPF_OR | BPF_X, DST, SRC, 0, 0)
#define LOAD(SIZE, DST, SRC, OFF) INSN(BPF_LDX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define STORE(SIZE, DST, OFF, SRC) INSN(BPF_STX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define STOREI(SIZE, DST, OFF, IMM) INSN(BPF_ST | BPF_MEM | (SIZE), DST, 0, OFF, IMM)
#define CALL(FUNC) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, FUNC)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* A jump over the next OFF instructions. */
#define JEQI(DST, IMM, OFF) INSN(BPF_JMP | BPF_JEQ | BPF_K, DST, 0, OFF, IMM)
#define JNEI(DST, IMM, OFF) INSN(BPF_JMP | BPF_JNE | BPF_K, DST, 0, OFF, IMM)
#define JLTI(DST, IMM, OFF) INSN(BPF_JMP | BPF_JLT | BPF_K, DST, 0, OFF, IMM)

/* On the stack: an index, a slot's address, the helper's parameters. */
#define INDEX (-4)
#define SLOT (-16)
#define PARAMS (-16 - (int)sizeof(struct bpf_fib_lookup))
#define PARAM(FIELD) (PARAMS + (int)offsetof(struct bpf_fib_lookup, FIELD))
/* `tbid` shares its place with the VLAN's fields. */
#define PARAM_TABLE PARAM(h_vlan_proto)

static struct bpf_insn code[160];
static int code_len;

static void emit(struct bpf_insn insn)
{
	code[code_len++] = insn;
}

/* r0 = the element of a map that the index on the stack names, or 0. */
static void emit_element(int map)
{
	emit(INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map));
	emit(INSN(0, 0, 0, 0, 0));
	emit(MOV(BPF_REG_2, BPF_REG_10));
	emit(ADDI(BPF_REG_2, INDEX));
	emit(CALL(BPF_FUNC_map_lookup_elem));
}

/* Makes the jump at a place go to here. */
static void lands_here(int jump)
{
	code[jump].off = code_len - jump - 1;
}

static void assemble(int trace_map, int is_dependent)
{
	int width = family == 4 ? 4 : 16, hop_at, loop, no_state, no_slot, failed, store, no_error;

	code_len = 0;
	/* r6 the context, r7 the state, r8 the cursor, r9 counts. */
	emit(MOV(BPF_REG_6, BPF_REG_1));
	emit(STOREI(BPF_W, BPF_REG_10, INDEX, 0));
	emit_element(state_map);
	no_state = code_len;
	emit(JEQI(BPF_REG_0, 0, 0));
	emit(MOV(BPF_REG_7, BPF_REG_0));
	emit(LOAD(BPF_W, BPF_REG_8, BPF_REG_7, offsetof(struct state, cursor)));
	emit(MOVI(BPF_REG_9, 0));

	loop = code_len;
	emit(STORE(BPF_W, BPF_REG_10, INDEX, BPF_REG_8));
	emit_element(trace_map);
	no_slot = code_len;
	emit(JEQI(BPF_REG_0, 0, 0));
	emit(STORE(BPF_DW, BPF_REG_10, SLOT, BPF_REG_0));
	for (int at = 0; at < (int)sizeof(struct bpf_fib_lookup); at += 8)
		emit(STOREI(BPF_DW, BPF_REG_10, PARAMS + at, 0));
	emit(STOREI(BPF_B, BPF_REG_10, PARAM(family), family == 4 ? AF_INET : AF_INET6));
	emit(LOAD(BPF_W, BPF_REG_1, BPF_REG_7, offsetof(struct state, device)));
	emit(STORE(BPF_W, BPF_REG_10, PARAM(ifindex), BPF_REG_1));
	emit(LOAD(BPF_W, BPF_REG_1, BPF_REG_7, offsetof(struct state, table)));
	emit(STORE(BPF_W, BPF_REG_10, PARAM_TABLE, BPF_REG_1));
	for (int at = 0; at < width; at += 4) {
		emit(LOAD(BPF_W, BPF_REG_1, BPF_REG_0, at));
		if (is_dependent && at == 0) {
			emit(LOAD(BPF_W, BPF_REG_2, BPF_REG_7, offsetof(struct state, last)));
			emit(ANDI(BPF_REG_2, 0));
			emit(XOR(BPF_REG_1, BPF_REG_2));
		}
		emit(STORE(BPF_W, BPF_REG_10, PARAM(ipv4_dst) + at, BPF_REG_1));
	}
	emit(MOV(BPF_REG_1, BPF_REG_6));
	emit(MOV(BPF_REG_2, BPF_REG_10));
	emit(ADDI(BPF_REG_2, PARAMS));
	emit(MOVI(BPF_REG_3, sizeof(struct bpf_fib_lookup)));
	emit(MOVI(BPF_REG_4, LOOKUP_DIRECT | LOOKUP_SKIP_NEIGH | LOOKUP_TBID));
	emit(CALL(BPF_FUNC_fib_lookup));
	/* The helper puts the gateway where the destination was: its last two bytes are the hop. */
	failed = code_len;
	emit(JNEI(BPF_REG_0, 0, 0));
	hop_at = PARAM(ipv4_dst) + width - 2;
	emit(LOAD(BPF_B, BPF_REG_1, BPF_REG_10, hop_at));
	emit(SHLI(BPF_REG_1, 8));
	emit(LOAD(BPF_B, BPF_REG_2, BPF_REG_10, hop_at + 1));
	emit(OR(BPF_REG_1, BPF_REG_2));
	store = code_len;
	emit(INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0));
	lands_here(failed);
	no_error = code_len;
	emit(INSN(BPF_JMP | BPF_JSGE | BPF_K, BPF_REG_0, 0, 0, 0));
	emit(STORE(BPF_W, BPF_REG_7, offsetof(struct state, error), BPF_REG_0));
	lands_here(no_error);
	emit(MOVI(BPF_REG_1, 0));
	lands_here(store);
	emit(LOAD(BPF_DW, BPF_REG_2, BPF_REG_10, SLOT));
	emit(STORE(BPF_W, BPF_REG_2, offsetof(struct slot, hop), BPF_REG_1));
	emit(STORE(BPF_W, BPF_REG_7, offsetof(struct state, last), BPF_REG_1));
	emit(ADDI(BPF_REG_8, 1));
	emit(ADDI(BPF_REG_9, 1));
	emit(JLTI(BPF_REG_9, PER_RUN, loop - code_len - 1));
	lands_here(no_slot);
	emit(STORE(BPF_W, BPF_REG_7, offsetof(struct state, cursor), BPF_REG_8));
	lands_here(no_state);
	emit(MOVI(BPF_REG_0, 2)); /* XDP_PASS */
	emit(EXIT());
}

static int load(int trace_map, int is_dependent)
{
	static char log[16384];
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_XDP };
	int program;

	assemble(trace_map, is_dependent);
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = code_len;
	attr.license = (uintptr_t)"Dual MIT/GPL";
	program = bpf(BPF_PROG_LOAD, &attr);
	if (program < 0) {
		attr.log_buf = (uintptr_t)log;
		attr.log_size = sizeof(log);
		attr.log_level = 1;
		bpf(BPF_PROG_LOAD, &attr);
		fprintf(stderr, "%s\n", log);
	}
	return program;
}

/* ---- the namespace and its routes ---- */

static int write_setting(const char *path)
{
	int fd = open(path, O_WRONLY), failed;

	if (fd < 0)
		return -1;
	failed = write(fd, "1", 1) != 1;
	close(fd);
	return failed ? -1 : 0;
}

static uint64_t kernel_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	unsigned long long kb, all = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Slab: %llu", &kb) == 1 || sscanf(line, "Percpu: %llu", &kb) == 1 ||
		    sscanf(line, "VmallocUsed: %llu", &kb) == 1)
			all += kb * 1024;
	if (file)
		fclose(file);
	return all;
}

static void attribute(struct nlmsghdr *msg, int type, const void *value, size_t len)
{
	struct rtattr *attr = (struct rtattr *)((char *)msg + NLMSG_ALIGN(msg->nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), value, len);
	msg->nlmsg_len = NLMSG_ALIGN(msg->nlmsg_len) + RTA_ALIGN(attr->rta_len);
}

static size_t route_message(char *at, const struct change *change, int is_last)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)at;
	struct rtmsg *route = NLMSG_DATA(msg);
	size_t width = family == 4 ? 4 : 16;
	uint8_t gateway4[4] = { 100, 64 }, gateway6[16] = { 0xfe, 0x80 };
	uint8_t *gateway = family == 4 ? gateway4 : gateway6;

	memset(at, 0, NLMSG_SPACE(sizeof(*route)));
	msg->nlmsg_len = NLMSG_LENGTH(sizeof(*route));
	msg->nlmsg_type = change->hop ? RTM_NEWROUTE : RTM_DELROUTE;
	msg->nlmsg_flags = NLM_F_REQUEST | (is_last ? NLM_F_ACK : 0);
	if (change->hop)
		msg->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	route->rtm_family = family == 4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = change->len;
	route->rtm_table = RT_TABLE_UNSPEC;
	route->rtm_protocol = change->hop ? RTPROT_STATIC : RTPROT_UNSPEC;
	route->rtm_scope = change->hop ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	route->rtm_type = change->hop ? RTN_UNICAST : RTN_UNSPEC;
	attribute(msg, RTA_TABLE, &table, sizeof(table));
	if (change->len)
		attribute(msg, RTA_DST, change->addr, width);
	if (change->hop) {
		if (family == 4)
			route->rtm_flags = RTNH_F_ONLINK;
		gateway[width - 2] = change->hop >> 8;
		gateway[width - 1] = change->hop;
		attribute(msg, RTA_GATEWAY, gateway, width);
		attribute(msg, RTA_OIF, &device, sizeof(device));
	}
	return NLMSG_ALIGN(msg->nlmsg_len);
}

/* Reads answers until the last message's; they are in the order of the questions. */
static const char *acknowledged(void)
{
	static char buffer[65536];

	for (;;) {
		ssize_t len = recv(netlink, buffer, sizeof(buffer), 0);

		if (len < 0)
			return because("netlink: %s", strerror(errno));
		for (struct nlmsghdr *msg = (void *)buffer; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
			struct nlmsgerr *error = NLMSG_DATA(msg);

			if (msg->nlmsg_type == NLMSG_ERROR && error->error)
				return because("a route: %s", strerror(-error->error));
			if (msg->nlmsg_type == NLMSG_ERROR)
				return NULL;
		}
	}
}

static const char *peer_apply(const struct change *changes, size_t count, size_t *done)
{
	static char buffer[CHUNK + 256];
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		int is_last = i + 1 == count || len + 128 > CHUNK;

		len += route_message(buffer + len, &changes[i], is_last);
		if (is_last) {
			const char *wrong;

			if (send(netlink, buffer, len, 0) != (ssize_t)len)
				return because("netlink: %s", strerror(errno));
			wrong = acknowledged();
			if (wrong) {
				/* The kernel goes on after a refused one. */
				*done = UNKNOWN;
				return wrong;
			}
			len = 0;
		}
	}
	*done += count;
	return NULL;
}

/* Makes the rules lead to this table and to no other. */
static const char *only_this_table(void)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip -%d rule add pref 1 lookup %u && for pref in 0 32766 32767; do "
		 "ip -%d rule del pref $pref 2>/dev/null; done; ip -%d rule del pref 1 lookup %u 2>/dev/null; true",
		 family, table, family, family, table - 1);
	return system(command) ? "a rule cannot be made (it takes iproute2)" : NULL;
}

/* The table of the last building stays until the end: taking it down would take as long as putting it up. */
static const char *peer_build(const struct change *routes, size_t count, uint64_t most_ns, uint64_t *ns,
			      uint64_t *bytes)
{
	uint64_t start, before, after;
	size_t done = 0;
	const char *wrong = NULL;

	table++;
	if (uses_netlink)
		wrong = only_this_table();
	else
		state->table = table;
	before = kernel_bytes();
	start = now_ns();
	while (!wrong && done < count) {
		wrong = peer_apply(routes + done, count - done < 1024 ? count - done : 1024, &done);
		if (!wrong && now_ns() - start > most_ns)
			wrong = because("gave up building at %zu of %zu routes (--build-limit)", done, count);
	}
	*ns = now_ns() - start;
	after = kernel_bytes();
	*bytes = after > before ? after - before : 0;
	return wrong;
}

/* ---- lookups by the program ---- */

static const char *load_both(int programs[2], int map)
{
	for (int is_dependent = 0; is_dependent < 2; is_dependent++) {
		programs[is_dependent] = load(map, is_dependent);
		if (programs[is_dependent] < 0)
			return because("the BPF program: %s", strerror(errno));
	}
	return NULL;
}

/* Runs a program so many times; how long each took, as the kernel measured it:
 * the call itself waits for all CPUs before and after. */
static const char *run(int program, size_t times, uint32_t *each_ns)
{
	static uint8_t packet[64];
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = program;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = times;
	if (bpf(BPF_PROG_TEST_RUN, &attr))
		return because("BPF_PROG_TEST_RUN: %s", strerror(errno));
	if (state->error)
		return because("bpf_fib_lookup: %s", strerror(-state->error));
	*each_ns = attr.test.duration;
	return NULL;
}

static const char *by_program(enum mode mode, unsigned slot, size_t count, uint64_t *ns)
{
	size_t whole = count / PER_RUN;

	*ns = 0;
	state->cursor = 0;
	for (int rest = 0; rest < 2; rest++) {
		/* The rest by a run that ends at the trace's end, or goes on beyond what is asked. */
		size_t runs = rest ? count % PER_RUN != 0 : whole;
		const char *wrong = NULL;
		uint32_t each;

		if (runs)
			wrong = run(traces[slot].programs[mode == DEPENDENT], runs, &each);
		if (wrong)
			return wrong;
		*ns += runs ? (uint64_t)each * runs : 0;
	}
	if (state->cursor < count)
		return because("the program stopped at key %u", state->cursor);
	/* The time is that of the keys that were looked up, the asked ones or some more. */
	*ns = state->cursor ? *ns * count / state->cursor : 0;
	return NULL;
}

/* Whether the program can be had; NULL when it can. */
static const char *try_program(void)
{
	void *memory;
	int map, programs[2];
	uint32_t each;
	const char *wrong;

	if (NO_BPF)
		return "";
	map = new_array(sizeof(*state), 1, &memory);
	if (map < 0)
		return because("a BPF map: %s", strerror(errno));
	state_map = map;
	state = memory;
	state->device = device;
	state->table = RT_TABLE_MAIN;
	map = new_array(sizeof(struct slot), 1, &memory);
	if (map < 0)
		return because("a BPF map: %s", strerror(errno));
	wrong = load_both(programs, map);
	return wrong ? wrong : run(programs[0], 1, &each);
}

/* ---- lookups by netlink ---- */

static size_t question(char *at, const uint8_t *key, uint32_t last)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)at;
	struct rtmsg *route = NLMSG_DATA(msg);
	size_t width = family == 4 ? 4 : 16;
	uint8_t addr[16];

	memset(at, 0, NLMSG_SPACE(sizeof(*route)));
	msg->nlmsg_len = NLMSG_LENGTH(sizeof(*route));
	msg->nlmsg_type = RTM_GETROUTE;
	msg->nlmsg_flags = NLM_F_REQUEST;
	route->rtm_family = family == 4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = width * 8;
	route->rtm_flags = RTM_F_FIB_MATCH;
	memcpy(addr, key, width);
	addr[0] ^= last & 0;
	attribute(msg, RTA_DST, addr, width);
	return NLMSG_ALIGN(msg->nlmsg_len);
}

/* The number of the hop in an answer; 0 where there is no route. */
static const char *hop_in(const char *buffer, size_t len, uint32_t *hop)
{
	const struct nlmsghdr *msg = (const void *)buffer;
	const struct nlmsgerr *error = NLMSG_DATA(msg);
	const struct rtmsg *route = NLMSG_DATA(msg);
	size_t width = family == 4 ? 4 : 16, rest;

	*hop = 0;
	if (!NLMSG_OK(msg, len))
		return "an answer was cut short";
	if (msg->nlmsg_type == NLMSG_ERROR)
		return error->error == -ENETUNREACH ? NULL : because("RTM_GETROUTE: %s", strerror(-error->error));
	rest = RTM_PAYLOAD(msg);
	for (const struct rtattr *attr = RTM_RTA(route); RTA_OK(attr, rest); attr = RTA_NEXT(attr, rest))
		if (attr->rta_type == RTA_GATEWAY && RTA_PAYLOAD(attr) == width) {
			const uint8_t *gateway = RTA_DATA(attr);

			*hop = gateway[width - 2] << 8 | gateway[width - 1];
		}
	return NULL;
}

/* Asks for up to PER_RUN keys in one message, and reads as many answers. */
static const char *ask(struct slot *slots, size_t count, uint32_t last)
{
	static char questions[PER_RUN * 64], answers[PER_RUN][1024];
	struct iovec parts[PER_RUN];
	struct mmsghdr into[PER_RUN] = { 0 };
	size_t len = 0, done = 0;

	for (size_t i = 0; i < count; i++) {
		len += question(questions + len, slots[i].addr, last);
		parts[i] = (struct iovec){ answers[i], sizeof(answers[i]) };
		into[i].msg_hdr.msg_iov = &parts[i];
		into[i].msg_hdr.msg_iovlen = 1;
	}
	if (send(netlink, questions, len, 0) != (ssize_t)len)
		return because("netlink: %s", strerror(errno));
	while (done < count) {
		int got = recvmmsg(netlink, into + done, count - done, MSG_WAITFORONE, NULL);

		if (got <= 0)
			return because("netlink: %s", strerror(errno));
		for (int i = 0; i < got; i++, done++) {
			const char *wrong = hop_in(answers[done], into[done].msg_len, &slots[done].hop);

			if (wrong)
				return wrong;
		}
	}
	return NULL;
}

static const char *by_netlink(enum mode mode, unsigned slot, size_t count, uint64_t *ns)
{
	size_t at_once = mode == DEPENDENT ? 1 : PER_RUN;
	struct slot *slots = traces[slot].slots;
	uint64_t start = now_ns();

	for (size_t at = 0; at < count; at += at_once) {
		size_t some = count - at < at_once ? count - at : at_once;
		const char *wrong = ask(slots + at, some, at ? slots[at - 1].hop : 0);

		if (wrong)
			return wrong;
	}
	*ns = now_ns() - start;
	return NULL;
}

/* ---- either way ---- */

static const char *peer_start(void)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int room = 8 << 20;
	const char *wrong;

	if (unshare(CLONE_NEWNET))
		return because("a network namespace of its own: %s (it takes root)", strerror(errno));
	if (system("ip link set lo up && ip link add " DEVICE " type veth peer name out1 && "
		   "ip link set out1 up && ip link set " DEVICE " up") != 0)
		return "devices cannot be made (it takes iproute2 and veth)";
	device = if_nametoindex(DEVICE);
	if (write_setting("/proc/sys/net/ipv4/ip_forward") ||
	    (family == 6 && write_setting("/proc/sys/net/ipv6/conf/all/forwarding")))
		return because("forwarding: %s", strerror(errno));
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (netlink < 0 || connect(netlink, (struct sockaddr *)&kernel, sizeof(kernel)))
		return because("netlink: %s", strerror(errno));
	wrong = try_program();
	if (wrong) {
		uses_netlink = 1;
		snprintf(backend, sizeof(backend), "RTM_GETROUTE%s%s%s", *wrong ? " (" : "", wrong, *wrong ? ")" : "");
		/* All answers to one message at once. */
		if (setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
			return because("netlink: %s", strerror(errno));
	}
	return NULL;
}

static const char *peer_trace(unsigned slot, const uint8_t *keys, size_t count)
{
	size_t width = family == 4 ? 4 : 16;
	void *memory;
	int map = -1;

	if (uses_netlink) {
		memory = calloc(count ? count : 1, sizeof(struct slot));
		if (!memory)
			return "no memory";
	} else {
		map = new_array(sizeof(struct slot), count ? count : 1, &memory);
		if (map < 0)
			return because("a BPF map: %s", strerror(errno));
	}
	traces[slot].count = count;
	traces[slot].slots = memory;
	for (size_t i = 0; i < count; i++)
		memcpy(traces[slot].slots[i].addr, keys + i * width, width);
	return uses_netlink ? NULL : load_both(traces[slot].programs, map);
}

static const char *peer_lookup(enum mode mode, unsigned slot, size_t count, uint32_t *answers, uint64_t *ns,
			       uint32_t *sum)
{
	const char *wrong;

	if (count > traces[slot].count || mode == BATCHED)
		return "the trace is shorter, or keys come in batches";
	wrong = (uses_netlink ? by_netlink : by_program)(mode, slot, count, ns);
	if (wrong)
		return wrong;
	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		*sum += traces[slot].slots[i].hop;
		if (answers)
			answers[i] = traces[slot].slots[i].hop;
	}
	return NULL;
}
