package shards

// LockAll takes the locks of all writers, until release is called.
func (c *Cache[T, V]) LockAll() (release func()) {
	for i := range c.shards {
		c.shards[i].mu.Lock()
	}
	return func() {
		for i := range c.shards {
			c.shards[i].mu.Unlock()
		}
	}
}

// Holds is Get without a mark.
func (c *Cache[T, V]) Holds(key Key) bool {
	_, v := c.shard(key).table.Load().find(key)
	return v != nil
}
