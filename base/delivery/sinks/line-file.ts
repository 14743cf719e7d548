import { dirname } from 'node:path';
import { makeFolder } from '../../atomic-file.ts';
import { appendLine } from '../../text/append-line.ts';
import type { Wording } from '../outgoing.ts';
import { type Sink, whyOf } from './sink.ts';

/** OCSF findings as JSON lines: appended to a file (which may be rotated under it), or on standard output. */
export function ocsfSink<Item>(file: string, wording: Pick<Wording<Item>, 'ocsf'>): Sink<Item> {
  return {
    async send(outgoing, sender) {
      const line = JSON.stringify(wording.ocsf(outgoing, sender));
      try {
        if (file === 'stdout') await written(`${line}\n`);
        else {
          makeFolder(dirname(file));
          await appendLine(file, line);
        }
        return { kind: 'delivered' };
      } catch (error) {
        return { kind: 'later', why: whyOf(error) };
      }
    },
  };
}

function written(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(line, (error) => (error ? reject(error) : resolve()));
  });
}
