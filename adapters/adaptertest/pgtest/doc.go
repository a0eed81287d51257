// Package pgtest runs a PostgreSQL of this machine for tests and for the programs that prove something: it starts one in a folder of its
// own, kills it, makes it silent, and takes and restores copies of its files. It is for Unix, and needs the programs of the server, such as
// those of Debian's package postgresql.
package pgtest
