package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
)

// startRedis starts a server in a folder of its own, with the settings that the store asks for, and returns its URL once it answers.
func startRedis(ctx context.Context) (url string, end func(), err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		program, err = exec.LookPath("valkey-server")
	}
	if err != nil {
		return "", nil, errors.New("neither redis-server nor valkey-server is installed, such as by apt-get install redis-server: " +
			"install one, or name a server that runs with -redis redis://localhost:6379")
	}
	dir, err := os.MkdirTemp("", "cardea-redis-")
	if err != nil {
		return "", nil, err
	}
	socket := filepath.Join(dir, "socket")
	command := exec.CommandContext(ctx, program, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "",
		"--appendonly", "yes", "--maxmemory-policy", "noeviction")
	if err := command.Start(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	end = func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = os.RemoveAll(dir)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	defer client.Close()
	for range 1000 {
		if err = client.Ping(ctx).Err(); err == nil {
			return "unix://" + socket, end, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	end()
	return "", nil, fmt.Errorf("%s does not answer: %w", program, err)
}
