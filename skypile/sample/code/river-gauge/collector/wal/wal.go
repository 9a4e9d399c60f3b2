// Package wal is an append-only log that survives power cuts.
//
// 每条记录的格式：4 字节长度、4 字节 CRC-32C、正文。断电只会损坏最后一条记录，
// 打开日志时从头校验，遇到第一条不完整的记录就截断。
package wal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

const (
	headerBytes = 8
	// MaxRecord bounds what a damaged length can make us allocate.
	MaxRecord = 16 << 20
)

var table = crc32.MakeTable(crc32.Castagnoli)

// Log is open for appending. It must not be used by several goroutines at once.
type Log struct {
	file *os.File
	out  *bufio.Writer
	size int64
}

// Open replays every intact record through visit and cuts off a damaged end.
// It returns how many bytes were cut.
func Open(path string, visit func([]byte) error) (*Log, int64, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, err
	}
	good, err := replay(bufio.NewReader(file), visit)
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("wal: %s at byte %d: %w", path, good, err)
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		err = file.Truncate(good)
	}
	if err == nil {
		_, err = file.Seek(good, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return &Log{file: file, out: bufio.NewWriter(file), size: good}, end - good, nil
}

func replay(in io.Reader, visit func([]byte) error) (good int64, err error) {
	var header [headerBytes]byte
	for {
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return good, ignoreEnd(err)
		}
		length := binary.LittleEndian.Uint32(header[:4])
		if length > MaxRecord {
			return good, nil
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return good, ignoreEnd(err)
		}
		if crc32.Checksum(body, table) != binary.LittleEndian.Uint32(header[4:]) {
			return good, nil
		}
		if err := visit(body); err != nil {
			return good, err
		}
		good += headerBytes + int64(length)
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// Append writes a record into the buffer; it is durable only after Sync.
func (l *Log) Append(body []byte) error {
	if len(body) > MaxRecord {
		return fmt.Errorf("wal: record of %d bytes exceeds %d", len(body), MaxRecord)
	}
	var header [headerBytes]byte
	binary.LittleEndian.PutUint32(header[:4], uint32(len(body)))
	binary.LittleEndian.PutUint32(header[4:], crc32.Checksum(body, table))
	if _, err := l.out.Write(header[:]); err != nil {
		return err
	}
	_, err := l.out.Write(body)
	l.size += headerBytes + int64(len(body))
	return err
}

// Sync returns after all appended records have reached the disk.
func (l *Log) Sync() error {
	if err := l.out.Flush(); err != nil {
		return err
	}
	return l.file.Sync()
}

// Close syncs and closes the file.
func (l *Log) Close() error {
	return errors.Join(l.Sync(), l.file.Close())
}
