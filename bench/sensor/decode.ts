/**
 * Bare decoding of a stream: `node decode.ts SOCKET SECONDS generated|grpc`. `generated`: bytes read as the sensor reads them, each message
 * decoded by the generated code and thrown away. `grpc`: by gRPC's own client. Prints events and CPU seconds as one JSON line.
 */
import { credentials } from '@grpc/grpc-js';
import { systemTimers } from '../../base/system-timers.ts';
import { openRawStream } from '../../client/sources/tetragon-grpc/raw-stream.ts';
import { FineGuidanceSensorsClient, GetEventsResponse } from '../../client/sources/wire/generated/tetragon.ts';

const [socket = '', secondsText = '5', how] = process.argv.slice(2);
const address = `unix://${socket}`;
let events = 0;
const warmUpMs = 1_000 * Math.min(1, Number(secondsText));
// The first second warms up, or as long as what is measured.
let from = { events: 0, cpu: process.cpuUsage() };
setTimeout(() => {
  from = { events, cpu: process.cpuUsage() };
}, warmUpMs);
setTimeout(
  () => {
    const { user, system } = process.cpuUsage(from.cpu);
    console.log(JSON.stringify({ events: events - from.events, cpuSeconds: (user + system) / 1e6 }));
    process.exit(0);
  },
  warmUpMs + 1_000 * Number(secondsText),
);

if (how === 'grpc') {
  const client = new FineGuidanceSensorsClient(address, credentials.createInsecure());
  client.getEvents({}).on('data', () => {
    events += 1;
  });
} else {
  const path = '/tetragon.FineGuidanceSensors/GetEvents';
  for await (const messages of openRawStream(address, { path, timers: systemTimers }).batches) {
    for (const message of messages) GetEventsResponse.decode(message);
    events += messages.length;
  }
}
