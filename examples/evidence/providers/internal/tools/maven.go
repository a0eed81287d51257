package tools

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const dependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

// MavenZip copies the artifact group:name:version:zip into dir, unpacked, after its SHA-256 has been compared.
func MavenZip(ctx context.Context, dir, artifact, sum string) error {
	if err := Need("mvn"); err != nil {
		return err
	}
	if err := run(
		ctx, dir, nil, "mvn", "-q", "-B", "-C", dependencyPlugin+":copy", "-Dartifact="+artifact, "-DoutputDirectory="+dir,
		"-Dmdep.useBaseVersion=true",
	); err != nil {
		return err
	}
	parts := strings.Split(artifact, ":")
	archive := filepath.Join(dir, parts[1]+"-"+parts[2]+".zip")
	defer os.Remove(archive)
	got, err := sumOf(archive)
	if err != nil {
		return err
	}
	if got != sum {
		return fmt.Errorf("%s: SHA-256 is %s, not %s: it is not the file that this was written for", artifact, got, sum)
	}
	return unzip(archive, dir)
}

// unzip unpacks an archive whose sum is known, without the one folder that everything is in.
func unzip(archive, dir string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, entry := range reader.File {
		_, name, _ := strings.Cut(entry.Name, "/")
		if name == "" || entry.FileInfo().IsDir() {
			continue
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := unpack(root, name, entry); err != nil {
			return err
		}
	}
	return nil
}

func unpack(root *os.Root, name string, entry *zip.File) (err error) {
	from, err := entry.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, entry.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	_, err = io.Copy(to, from)
	return err
}

// MavenJars copies the dependencies of dir's pom.xml into dir/jars. sums says what each must be, in lines as sha256sum writes them.
func MavenJars(ctx context.Context, dir string, sums string) error {
	if err := Need("mvn", "javac", "java"); err != nil {
		return err
	}
	jars := filepath.Join(dir, "jars")
	if err := run(ctx, dir, nil, "mvn", "-q", "-B", "-C", dependencyPlugin+":copy-dependencies", "-DoutputDirectory="+jars, "-DincludeScope=runtime"); err != nil {
		return err
	}
	want := map[string]string{}
	for line := range strings.Lines(sums) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			want[name] = sum
		}
	}
	entries, err := fs.ReadDir(os.DirFS(jars), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		got, err := sumOf(filepath.Join(jars, entry.Name()))
		if err != nil {
			return err
		}
		if got != want[entry.Name()] {
			return fmt.Errorf("%s: SHA-256 is %s, not %q: it is not the file that this was written for", entry.Name(), got, want[entry.Name()])
		}
	}
	return nil
}

// Javac compiles dir's sources into dir/classes, against dir/jars.
func Javac(ctx context.Context, dir string, sources ...string) error {
	return run(ctx, dir, nil, "javac", append([]string{"-nowarn", "-parameters", "-cp", ClassPath("jars/*"), "-d", "classes"}, sources...)...)
}

// ClassPath joins elements of a class path.
func ClassPath(elements ...string) string {
	return strings.Join(elements, string(os.PathListSeparator))
}
