/*
 * Tells user space of every process that starts, runs a program or ends, and counts what could not be told.
 *
 * Three programs on the scheduler's tracepoints write records into one ring. Where the ring has no room, the
 * record is counted as lost on its processor; each record carries these counts, so that the reader knows how
 * many are missing between two records of one processor, and of which kind. Threads and kernel threads are no
 * processes. crates/process-sources/src/ebpf/record.rs reads what is written here.
 */
#include "kernel.h"

enum kind { FORK, EXEC, EXIT, KINDS };

/* Longest program path, working folder and command line that are kept. */
#define PATH_MOST 512
#define PART_MOST 256
#define FOLDER_MOST 1024
#define ARGUMENTS_MOST 16384
#define FOLDER_PARTS 24

/* The command line could not be read here, though it has a length. */
#define NO_ARGUMENTS 1
/* The folder has more parts, or longer ones, than are kept. */
#define FOLDER_CUT 2

struct head {
	u64 time;
	u64 start;
	u64 cgroup;
	u64 runtime;
	u32 pid;
	u32 parent;
	u32 uid;
	u32 code;
	u32 lost[KINDS];
	u32 arguments_length;
	u16 kind;
	u16 cpu;
	u16 flags;
	u16 path_size;
	u16 folder_size;
	u16 arguments_size;
	char comm[16];
	u32 unused;
};

struct scratch {
	struct head head;
	/* Path, folder from its last part to the first, arguments; with room for what masks allow. */
	char data[2048 + PATH_MOST + ARGUMENTS_MOST];
};

struct {
	NUMBER(type, BPF_MAP_TYPE_RINGBUF);
	NUMBER(max_entries, 1 << 24);
} ring SEC(".maps");

/* How many records of each kind were made, then how many of these were lost. */
struct {
	NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	NUMBER(max_entries, 2 * KINDS);
	TYPE(key, u32);
	TYPE(value, u64);
} counts SEC(".maps");

struct {
	NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct scratch);
} scratches SEC(".maps");

/* Keeps the compiler from reasoning about a number, so that the verifier sees the mask that follows. */
#define OPAQUE(number) asm volatile("" : "+r"(number))

#define READ(to, from) \
	bpf_probe_read_kernel(to, sizeof(*(to)), __builtin_preserve_access_index(from))

INLINE u64 *count(u32 which)
{
	return bpf_map_lookup_elem(&counts, &which);
}

INLINE void describe(struct head *head, enum kind kind, struct task_struct *task)
{
	head->time = bpf_ktime_get_boot_ns();
	head->start = task->group_leader->start_boottime;
	head->cgroup = bpf_get_current_cgroup_id();
	head->runtime = 0;
	head->pid = task->tgid;
	head->parent = task->real_parent->tgid;
	head->uid = task->cred->uid.val;
	head->code = 0;
	head->arguments_length = 0;
	head->kind = kind;
	head->cpu = bpf_get_smp_processor_id();
	head->flags = 0;
	head->path_size = 0;
	head->folder_size = 0;
	head->arguments_size = 0;
	head->unused = 0;
	READ(&head->comm, &task->comm);
	for (int i = 0; i < KINDS; i++) {
		u64 *lost = count(KINDS + i);
		head->lost[i] = lost ? *lost : 0;
	}
}

INLINE int send(struct head *head, enum kind kind, u64 size)
{
	u64 *made = count(kind), *lost = count(KINDS + kind);

	if (made)
		*made += 1;
	/* The reader comes by itself: nobody is woken. */
	if (bpf_ringbuf_output(&ring, head, size, BPF_RB_NO_WAKEUP) && lost)
		*lost += 1;
	return 0;
}

SEC("tp_btf/sched_process_fork")
int on_fork(u64 *context)
{
	struct task_struct *child = (void *)context[1];
	struct head head;

	if (child->pid != child->tgid || child->flags & PF_KTHREAD)
		return 0;
	describe(&head, FORK, child);
	return send(&head, FORK, sizeof(head));
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct task_struct *leader = task->group_leader;
	struct signal_struct *signal = task->signal;
	struct head head;

	/* The last thread that leaves ends the process. */
	if (signal->live.counter != 0 || task->flags & PF_KTHREAD)
		return 0;
	describe(&head, EXIT, task);
	head.code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code : leader->exit_code;
	head.runtime = signal->sum_sched_runtime + task->se.sum_exec_runtime;
	if (task->pid != leader->pid)
		head.runtime += leader->se.sum_exec_runtime;
	return send(&head, EXIT, sizeof(head));
}

/* Parts of the working folder's path, the last one first, a NUL behind each. */
INLINE u32 folder(struct task_struct *task, struct scratch *scratch, u32 at)
{
	struct fs_struct *fs = task->fs;
	struct dentry *dentry, *root, *parent;
	struct vfsmount *vfs;
	const unsigned char *name;
	u32 used = 0;
	long length;

	if (READ(&dentry, &fs->pwd.dentry) || READ(&vfs, &fs->pwd.mnt))
		return 0;
	for (int i = 0; i < FOLDER_PARTS; i++) {
		if (READ(&root, &vfs->mnt_root) || READ(&parent, &dentry->d_parent))
			return used;
		if (dentry == root || dentry == parent) {
			/* The root of a mount lies where that is mounted. */
			struct mount *mount, *above;

			mount = (void *)vfs - __builtin_preserve_field_info(((struct mount *)0)->mnt, 0);
			if (READ(&above, &mount->mnt_parent) || above == mount)
				return used;
			if (READ(&dentry, &mount->mnt_mountpoint))
				return used;
			vfs = __builtin_preserve_access_index(&above->mnt);
			continue;
		}
		if (READ(&name, &dentry->d_name.name))
			return used;
		OPAQUE(at);
		at &= 1023;
		OPAQUE(used);
		used &= 1023;
		length = bpf_probe_read_kernel_str(&scratch->data[at + used], PART_MOST, name);
		if (length <= 0)
			return used;
		if (used + length > FOLDER_MOST - PART_MOST || length == PART_MOST) {
			scratch->head.flags |= FOLDER_CUT;
			return used;
		}
		used += length;
		dentry = parent;
	}
	scratch->head.flags |= FOLDER_CUT;
	return used;
}

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct linux_binprm *program = (void *)context[2];
	u32 zero = 0, size, arguments;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
	struct mm_struct *mm = task->mm;
	unsigned long from, to;
	u64 total;
	long length;

	if (!scratch)
		return 0;
	describe(&scratch->head, EXEC, task);
	length = bpf_probe_read_kernel_str(scratch->data, PATH_MOST, program->filename);
	size = length > 0 ? length : 0;
	scratch->head.path_size = size;

	OPAQUE(size);
	size &= PATH_MOST - 1;
	arguments = folder(task, scratch, size);
	OPAQUE(arguments);
	arguments &= FOLDER_MOST - 1;
	scratch->head.folder_size = arguments;
	size += arguments;

	from = mm->arg_start;
	to = mm->arg_end;
	if (to > from) {
		u64 all = to - from;

		scratch->head.arguments_length = all > 0xffffffff ? 0xffffffff : all;
		arguments = all < ARGUMENTS_MOST ? all : ARGUMENTS_MOST - 1;
		OPAQUE(arguments);
		arguments &= ARGUMENTS_MOST - 1;
		OPAQUE(size);
		size &= 2047;
		if (bpf_probe_read_user(&scratch->data[size], arguments, (void *)from)) {
			scratch->head.flags |= NO_ARGUMENTS;
		} else {
			scratch->head.arguments_size = arguments;
			size += arguments;
		}
	}
	total = sizeof(scratch->head) + size;
	OPAQUE(total);
	if (total > sizeof(*scratch))
		return 0;
	return send(&scratch->head, EXEC, total);
}

/* Helpers that read memory are for programs under the GPL; this file alone is, at your choice, that as well. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
