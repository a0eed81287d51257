// Package routes asks: what may a good token do here, and what do Guards around each other share? Its tests go through the exported API
// of package middleware alone.
package routes
