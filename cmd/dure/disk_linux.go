package main

import "golang.org/x/sys/unix"

func diskBytes(dir string) (free, total uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}

// remoteFilesystems are those whose locks and mapped files a store cannot rely on; the numbers are from statfs(2).
var remoteFilesystems = map[int64]string{0x6969: "NFS", 0x517B: "SMB", 0xFF534D42: "CIFS", 0xFE534D42: "SMB2", 0x01021997: "9P", 0x00C36400: "Ceph"}

// filesystem names the file system of dir where it lies on another machine.
func filesystem(dir string) (name string, remote bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "", false
	}
	name, remote = remoteFilesystems[int64(s.Type)]
	return name, remote
}
