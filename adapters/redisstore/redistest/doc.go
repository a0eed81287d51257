// Package redistest runs the Redis and the Valkey of this machine for tests and for the programs that prove something, on the loopback interface,
// alone, in groups with Sentinels and in a Cluster, each server in a folder of its own: it kills them, makes them silent, and ends them with the
// test. It is for Unix, and needs redis-server or valkey-server.
package redistest
