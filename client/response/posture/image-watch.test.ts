import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { ecdsa, MadeLayout, pemOf } from '../../posture/testing/made-layout.ts';
import { projectPod } from '../cluster/project.ts';
import { madeFacts, madePod } from '../testing/made-facts.ts';
import { ImageWatch } from './image-watch.ts';

function watch(keys: readonly string[], layouts: readonly string[]) {
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void said.push(JSON.parse(line).cause) });
  const images = new ImageWatch(
    { keys: [...keys], layouts: [...layouts], everySeconds: 0.01 },
    { timers: systemTimers, log },
  );
  onTestFinished(() => images.close());
  return { images, said };
}

const object = (name: string, digest: string) => ({
  metadata: { uid: name, name, namespace: 'shop', resourceVersion: '1', creationTimestamp: '2027-01-01T00:00:00Z' },
  spec: { containers: [{ name: 'c', image: 'web:1' }] },
  status: { containerStatuses: [{ name: 'c', imageID: `registry.example/web@${digest}` }] },
});

it('knows of no image before it has read, and follows what is signed and which keys count', async () => {
  const folder = tempDir();
  const [ours, next] = [ecdsa(), ecdsa()];
  const keys = join(folder, 'keys');
  mkdirSync(join(keys, '..data'), { recursive: true }); // As a mounted ConfigMap has it.
  writeFileSync(join(keys, 'cosign.pub'), pemOf(ours.publicKey));
  const layout = new MadeLayout(join(folder, 'layout'));
  const [web, db] = ['web', 'db'].map((name) => layout.image(name).digest) as [string, string];
  layout.cosign(web, ours);
  layout.write();
  const { images, said } = watch([keys], [layout.folder]);
  const judged = (digest: string) => images.of(object('p', digest)).map(({ signature }) => signature);
  expect(judged(web)).toEqual(['unknown']);
  await expect.poll(() => [judged(web), judged(db)]).toEqual([['signed'], ['unsigned']]);
  layout.cosign(db, next);
  layout.write();
  writeFileSync(join(keys, 'next.pub'), pemOf(next.publicKey));
  await expect.poll(() => judged(db)).toEqual(['signed']);
  expect(images.of(object('p', db))).toEqual([{ container: 'c', image: 'web:1', digest: db, signature: 'signed' }]);
  const elsewhere = `sha256:${'0'.repeat(64)}`;
  const pods = [web, db, elsewhere].map((digest) => projectPod(object(digest, digest)) ?? madePod('none'));
  expect(images.count(madeFacts({ pods }))).toEqual({ signed: 2, unsigned: 0, unknown: 1 });
  expect(said).toEqual([]);
});

it('reads a layout again whose index came before its signatures', async () => {
  const folder = tempDir();
  const [ours, key] = [ecdsa(), join(folder, 'key')];
  writeFileSync(key, pemOf(ours.publicKey));
  const layout = new MadeLayout(join(folder, 'layout'));
  const { digest } = layout.image('web');
  layout.cosign(digest, ours);
  const signature = layout.path(layout.manifests[1]?.digest ?? '');
  renameSync(signature, join(folder, 'on its way'));
  layout.write();
  const { images } = watch([key], [layout.folder]);
  const judged = () => images.of(object('p', digest))[0]?.signature;
  await expect.poll(judged).toBe('unsigned');
  renameSync(join(folder, 'on its way'), signature);
  await expect.poll(judged).toBe('signed');
});

it('calls images unknown whose layout or key cannot be read, says so once, and hangs on none', async () => {
  const folder = tempDir();
  const [key, pipe] = [join(folder, 'key'), join(folder, 'pipe')];
  writeFileSync(key, 'no key');
  execFileSync('mkfifo', [pipe]);
  const layout = new MadeLayout(join(folder, 'layout'));
  const { digest } = layout.image('web');
  layout.write();
  const gone = join(folder, 'gone');
  const { images, said } = watch([key, pipe, gone], [gone, layout.folder]);
  const causes = [key, pipe, gone, gone].map((path) => expect.stringContaining(`${path}: `));
  await expect.poll(() => said).toEqual(causes);
  // Its layout was read: without the keys nobody can say that they have not signed it.
  expect(images.of(object('p', digest))[0]?.signature).toBe('unknown');
  expect(images.of({ kind: 'Secret' })).toEqual([]);
  await images.close();
  await images.close();
  expect(said).toHaveLength(4);
});

it('calls nothing unsigned where a folder holds more keys than it reads: one of the others may have signed it', async () => {
  const folder = tempDir();
  const [keys, ours] = [join(folder, 'keys'), pemOf(ecdsa().publicKey)];
  mkdirSync(keys);
  for (let at = 10; at < 75; at += 1) writeFileSync(join(keys, `${at}.pub`), ours);
  const layout = new MadeLayout(join(folder, 'layout'));
  const { digest } = layout.image('web');
  const last = ecdsa();
  writeFileSync(join(keys, '99.pub'), pemOf(last.publicKey));
  layout.cosign(digest, last);
  const other = layout.image('db').digest;
  layout.write();
  const { images, said } = watch([keys], [layout.folder]);
  await expect.poll(() => said).toEqual([expect.stringContaining(`${keys}: holds 66 files, of which 64 are read`)]);
  const judged = () => [digest, other].map((one) => images.of(object('p', one))[0]?.signature);
  await expect.poll(judged).toEqual(['unknown', 'unknown']);
  rmSync(join(keys, '10.pub'));
  rmSync(join(keys, '11.pub'));
  await expect.poll(judged).toEqual(['signed', 'unsigned']);
});
