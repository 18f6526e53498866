// What both BPF objects of isotach traffic have: memory, slots, and the marks of sockets. It is included
// after traffic_count.inc, once `find_owner(frame, packet, slot, egress)` is declared.
#pragma once

static __always_inline void find_owner(struct traffic_frame* frame, const struct traffic_packet* p,
                                       struct traffic_slot* slot, int egress);

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

// Written before loading.
const volatile __u32 slot_limit = 512;    // slots of a processor and buffer
const volatile __u32 places_each = 1024;  // places of its hash table; a power of two
const volatile __u32 block_count = 1;
const volatile __u64 hash_seed = 1;
const volatile __u8 find_owners = 1;

// Written while it runs.
volatile __u32 generation = 1;
volatile __u32 walk_round = 1;
struct traffic_interface interfaces[TRAFFIC_INTERFACES];

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct traffic_slot);
} slots SEC(".maps");

// A hash table of the slots' numbers: generation << 32 | twelve bits of the hash << 20 | number.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u64);
} places SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct traffic_control);
} controls SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct traffic_block);
} blocks SEC(".maps");

// Accepted sockets take over what their listener was marked with.
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  __type(key, int);
  __type(value, struct traffic_owner);
} socket_owners SEC(".maps");

// By process, for those that have ended when they are asked about.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, u32);
  __type(value, struct traffic_owner);
} owners SEC(".maps");

// The slot of the key in this generation, made if there is none; null when there is no room. Slots are taken
// one after the other, so that those of some thousand flows lie together.
static __always_inline struct traffic_slot* find_slot(struct traffic_frame* frame,
                                                      const struct traffic_packet* p, u32 area, u32 now,
                                                      struct traffic_control* control, int egress) {
  const u64 hash = traffic_hash(&p->key, hash_seed);
  const u32 check = traffic_check(hash);
  const u32 mask = places_each - 1;
  for (int i = 0; i < TRAFFIC_PROBES; i++) {
    u32 index = area * places_each + (((u32)hash + i) & mask);
    u64* place = bpf_map_lookup_elem(&places, &index);
    if (!place) return 0;
    const u64 there = *place;
    if (there >> 32 == now) {
      if (((u32)there & ~TRAFFIC_NUMBER_MASK) != check) continue;
      u32 number = area * slot_limit + ((u32)there & TRAFFIC_NUMBER_MASK);
      struct traffic_slot* slot = bpf_map_lookup_elem(&slots, &number);
      if (slot && traffic_same_key(&slot->key, &p->key)) return slot;
      continue;
    }
    const u32 used = control->used;
    if (used >= slot_limit) return 0;
    u32 number = area * slot_limit + used;
    struct traffic_slot* slot = bpf_map_lookup_elem(&slots, &number);
    if (!slot) return 0;
    control->used = used + 1;
    __builtin_memset(slot, 0, sizeof *slot);
    slot->key = p->key;
    *place = (u64)now << 32 | check | used;
    if (find_owners) find_owner(frame, p, slot, egress);
    return slot;
  }
  return 0;
}

static __always_inline const struct traffic_interface* find_interface(u32 index) {
  for (u32 i = 0; i < TRAFFIC_INTERFACE_PROBES; i++) {
    const struct traffic_interface* place = &interfaces[(index + i) & (TRAFFIC_INTERFACES - 1)];
    if (place->index == index) return place;
  }
  return 0;
}

// Counts a frame of that interface. `segment` and `segments` are those of traffic_add_packet(). Gives the
// flow's slot; null where there was no room.
static __always_inline struct traffic_slot* count_frame(struct traffic_frame* frame, struct traffic_packet* p,
                                                        u32 index, u32 segment, u32 segments, int egress) {
  const u32 now = generation;
  const u32 area = bpf_get_smp_processor_id() * 2 + (now & 1);
  const struct traffic_interface* interface = find_interface(index);
  if (!interface) return 0;
  u32 number = area * block_count + interface->block;
  struct traffic_block* block = bpf_map_lookup_elem(&blocks, &number);
  struct traffic_control* control = bpf_map_lookup_elem(&controls, &area);
  if (!block || !control) return 0;
  struct traffic_direction* way = egress ? &block->out : &block->in;
  p->key.interface = index;
  traffic_take_frame(frame, p, interface->link_head, egress);
  // The slot is likely in no cache: it is asked for first, so that the totals are added while it comes.
  struct traffic_slot* slot = find_slot(frame, p, area, now, control, egress);
  const struct traffic_tally wire = traffic_add_packet(way, p, segment, segments);
  if (!slot) {
    traffic_add(egress ? &control->overflow_out : &control->overflow_in, wire.packets, wire.bytes);
    return 0;
  }
  traffic_add_to_slot(slot, p, wire, egress);
  if (egress && find_owners && slot->owner_state < TRAFFIC_OWNER_NOT_KNOWN) find_owner(frame, p, slot, 1);
  return slot;
}

static __always_inline void describe_task(struct traffic_owner* owner) {
  owner->pid = bpf_get_current_pid_tgid() >> 32;
  owner->cgroup = bpf_get_current_cgroup_id();
  bpf_get_current_comm(owner->command, sizeof owner->command);
}

// Runs in the process that makes a socket of the Internet protocols.
SEC("cgroup/sock_create")
int mark_socket(struct bpf_sock* socket) {
  struct traffic_owner* mark = bpf_sk_storage_get(&socket_owners, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!mark) return 1;
  struct traffic_owner owner = {};
  describe_task(&owner);
  *mark = owner;
  bpf_map_update_elem(&owners, &owner.pid, &owner, BPF_ANY);
  return 1;
}

struct task_struct {
  int tgid;
  struct task_struct* group_leader;
  char comm[16];
} __attribute__((preserve_access_index));
struct sock_common {
  unsigned short skc_family;
  unsigned char skc_state;
} __attribute__((preserve_access_index));
struct sock {
  struct sock_common __sk_common;
} __attribute__((preserve_access_index));
struct socket {
  struct sock* sk;
} __attribute__((preserve_access_index));
struct file;
struct bpf_iter__task_file {
  void* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
} __attribute__((preserve_access_index));

// Walks over the descriptors of all processes: sockets that were there before us, and those that were handed
// to another process. Who made a socket stays its owner as long as it holds it.
SEC("iter/task_file")
int walk_sockets(struct bpf_iter__task_file* ctx) {
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;
  if (!task || !file) return 0;
  struct socket* socket = bpf_sock_from_file(file);
  if (!socket || !socket->sk) return 0;
  const u32 family = socket->sk->__sk_common.skc_family;
  if (family != 2 && family != 10) return 0;  // AF_INET, AF_INET6
  struct traffic_owner* mark = bpf_sk_storage_get(&socket_owners, socket->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!mark) return 0;
  const u32 pid = task->tgid;
  if (mark->pid != pid) {
    if (mark->round == walk_round) return 0;
    mark->pid = pid;
    mark->cgroup = 0;
    // For processes that are gone when they are looked up, or have another number where we are.
    bpf_probe_read_kernel_str(mark->command, sizeof mark->command, task->group_leader->comm);
    bpf_map_update_elem(&owners, &mark->pid, mark, BPF_ANY);
  }
  mark->round = walk_round;
  return 0;
}
