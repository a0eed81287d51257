package pgtest

import "syscall"

// inMemory is where Linux keeps files in memory.
const inMemory = "/dev/shm"

// roomInMemory says whether several servers find room there. A container often has 64 MiB.
func roomInMemory() bool {
	const enough = 2 << 30
	var free syscall.Statfs_t
	return syscall.Statfs(inMemory, &free) == nil && uint64(free.Bavail)*uint64(free.Bsize) >= enough
}
