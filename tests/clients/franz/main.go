// Command franz drives franz-go for the conformance suite; the requests are in driver_client.ts.
//
// Usage: franz HOST:PORT. One goroutine answers; franz-go's own callbacks keep the assignment.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	deadline = 20 * time.Second
	pollTime = 200 * time.Millisecond
	// Requests with a thousand records of a kilobyte are the largest.
	maxRequestBytes = 16 << 20
)

// record is a record in JSON; encoding/json writes []byte in base64, and nil as null.
type record struct {
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
}

// header is a pair in JSON.
type header struct {
	name  string
	value []byte
}

func (h header) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{h.name, h.value})
}

func (h *header) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&h.name, &h.value})
}

type request struct {
	Do          string   `json:"do"`
	Topic       string   `json:"topic"`
	Partitions  int32    `json:"partitions"`
	Partition   int32    `json:"partition"`
	Offset      int64    `json:"offset"`
	Count       int      `json:"count"`
	TimestampMs int64    `json:"timestamp_ms"`
	Group       string   `json:"group"`
	Compression string   `json:"compression"`
	Idempotent  bool     `json:"idempotent"`
	Records     []record `json:"records"`
}

type answer = map[string]any

type driver struct {
	broker string
	admin  *kadm.Client
	member *kgo.Client
	topic  string

	mu        sync.Mutex // franz-go's callbacks run on its own goroutines
	assigned  []int32
	positions map[int32]kgo.EpochOffset
}

func (d *driver) answer(ctx context.Context, r request) (answer, error) {
	switch r.Do {
	case "create_topic":
		_, err := d.admin.CreateTopic(ctx, r.Partitions, 1, nil, r.Topic)
		return nil, err
	case "delete_topic":
		_, err := d.admin.DeleteTopic(ctx, r.Topic)
		return nil, err
	case "list_topics":
		topics, err := d.admin.ListTopics(ctx)
		return answer{"topics": topics.Names()}, err
	case "produce":
		return nil, d.produce(ctx, r)
	case "read":
		records, err := d.read(ctx, r)
		return answer{"records": records}, err
	case "offset_for_time":
		return d.offsetForTime(ctx, r)
	case "join":
		return nil, d.join(r)
	case "poll":
		return d.poll(ctx)
	case "commit":
		return nil, d.commit(ctx)
	case "seek":
		d.member.SetOffsets(map[string]map[int32]kgo.EpochOffset{
			d.topic: {r.Partition: {Epoch: -1, Offset: r.Offset}},
		})
		return nil, nil
	case "leave":
		d.leave()
		return nil, nil
	}
	return nil, fmt.Errorf("no such request: %q", r.Do)
}

func codec(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

func (d *driver) produce(ctx context.Context, r request) error {
	options := []kgo.Opt{
		kgo.SeedBrokers(d.broker),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec(r.Compression)),
		kgo.ProducerLinger(20 * time.Millisecond),
		kgo.RecordDeliveryTimeout(deadline),
	}
	if !r.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	records := make([]*kgo.Record, 0, len(r.Records))
	for _, one := range r.Records {
		record := &kgo.Record{Topic: r.Topic, Partition: one.Partition, Key: one.Key, Value: one.Value}
		for _, h := range one.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.name, Value: h.value})
		}
		records = append(records, record)
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

func toRecord(r *kgo.Record) record {
	one := record{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Headers: []header{}}
	for _, h := range r.Headers {
		one.Headers = append(one.Headers, header{h.Key, h.Value})
	}
	return one
}

func (d *driver) read(ctx context.Context, r request) ([]record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(d.broker), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{r.Topic: {r.Partition: kgo.NewOffset().At(r.Offset)}},
	))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	records := []record{}
	for len(records) < r.Count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d records: %w", len(records), r.Count, err)
		}
		fetches.EachRecord(func(one *kgo.Record) { records = append(records, toRecord(one)) })
	}
	return records[:r.Count], nil
}

func (d *driver) offsetForTime(ctx context.Context, r request) (answer, error) {
	// Where no record is late enough, kadm asks for the end: its timestamp is -1.
	listed, err := d.admin.ListOffsetsAfterMilli(ctx, r.TimestampMs, r.Topic)
	if err != nil {
		return nil, err
	}
	found, _ := listed.Lookup(r.Topic, r.Partition)
	if found.Err != nil || found.Timestamp < 0 {
		return answer{"offset": nil}, found.Err
	}
	return answer{"offset": found.Offset}, nil
}

func (d *driver) join(r request) (err error) {
	d.topic = r.Topic
	d.positions = map[int32]kgo.EpochOffset{}
	taken := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, partition := range partitions[d.topic] {
			d.assigned = slices.DeleteFunc(d.assigned, func(one int32) bool { return one == partition })
			delete(d.positions, partition)
		}
	}
	given := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.assigned = append(d.assigned, partitions[d.topic]...)
	}
	d.member, err = kgo.NewClient(
		kgo.SeedBrokers(d.broker),
		kgo.ConsumerGroup(r.Group),
		kgo.ConsumeTopics(r.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.OnPartitionsAssigned(given),
		kgo.OnPartitionsRevoked(taken),
		kgo.OnPartitionsLost(taken),
	)
	return err
}

func (d *driver) poll(ctx context.Context) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	fetches := d.member.PollFetches(ctx)
	for _, failed := range fetches.Errors() {
		if !errors.Is(failed.Err, context.DeadlineExceeded) {
			return nil, failed.Err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	records := []record{}
	fetches.EachRecord(func(one *kgo.Record) {
		records = append(records, toRecord(one))
		d.positions[one.Partition] = kgo.EpochOffset{Epoch: -1, Offset: one.Offset + 1}
	})
	slices.Sort(d.assigned)
	return answer{"records": records, "assigned": append([]int32{}, d.assigned...)}, nil
}

// commit goes out as the member's own request, with its id and generation.
func (d *driver) commit(ctx context.Context) error {
	d.mu.Lock()
	offsets := map[string]map[int32]kgo.EpochOffset{d.topic: maps.Clone(d.positions)}
	d.mu.Unlock()
	var failure error
	done := func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		if failure = err; err != nil {
			return
		}
		for _, topic := range response.Topics {
			for _, partition := range topic.Partitions {
				failure = errors.Join(failure, kerr.ErrorForCode(partition.ErrorCode))
			}
		}
	}
	d.member.CommitOffsetsSync(ctx, offsets, done)
	return failure
}

func (d *driver) leave() {
	if d.member != nil {
		d.member.Close()
		d.member = nil
	}
}

func main() {
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer client.Close()
	d := &driver{broker: os.Args[1], admin: kadm.NewClient(client)}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxRequestBytes)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		err := json.Unmarshal(lines.Bytes(), &r)
		ok := answer{}
		if err == nil {
			var given answer
			if given, err = d.answer(ctx, r); given != nil {
				ok = given
			}
		}
		cancel()
		if err != nil {
			_ = answers.Encode(answer{"error": err.Error()})
		} else {
			_ = answers.Encode(answer{"ok": ok})
		}
	}
	d.leave()
}
