/** `node fill-outbox.ts FOLDER`: queues alerts, buries the first, and says how many there are, until it is killed. */
import { setTimeout } from 'node:timers/promises';
import { Outbox } from '../../../base/delivery/outbox.ts';
import { unwrap } from '../../../base/fault.ts';
import { anAlert } from './alerts.ts';

const outbox = unwrap(Outbox.open(process.argv[2] as string));
for (let count = 1; ; count++) {
  outbox.put(['hook'], { item: anAlert(String(count), `w-${count}`), repeats: 1 }, count);
  if (count === 1) outbox.bury(1, 'HTTP 400', count);
  process.stdout.write(`${count}\n`);
  await setTimeout(1);
}
