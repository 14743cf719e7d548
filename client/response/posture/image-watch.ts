import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Log } from '../../../base/log.ts';
import { pause } from '../../../base/pause.ts';
import type { Timers } from '../../../base/time.ts';
import { readBounded } from '../../posture/images/bounded-file.ts';
import { type ImageKey, readImageKey } from '../../posture/images/image-key.ts';
import { type ImageVerdict, imagesOf, verdictOf } from '../../posture/images/pod-images.ts';
import { readSignedLayout, type SignedLayout } from '../../posture/images/signed-layout.ts';
import { readPod } from '../../posture/read.ts';
import type { Facts } from '../cluster/facts.ts';

const path = z.string().min(1).max(4_096);

/** Whose signatures on images count, and where images and their signatures lie. */
export const imagesConfig = z.strictObject({
  /** Files with a public key each, or folders of such files (a mounted ConfigMap). */
  keys: z.array(path).min(1).max(16),
  /** OCI layouts. */
  layouts: z.array(path).min(1).max(64),
  /** How often they are looked at for changes. */
  everySeconds: z.number().min(1).max(86_400).default(60),
});
export type ImagesConfig = z.infer<typeof imagesConfig>;

/** Of one container, as evidence says it. */
export type JudgedImage = Readonly<{
  container: string;
  image: string;
  digest: string | null;
  signature: ImageVerdict;
}>;

type KeyText = Readonly<{ place: string; text: Result<string, 'KEY_UNREADABLE' | 'KEYS_TOO_MANY'> }>;

/** Keys that are read of one folder at most. */
const keysMax = 64;
const keyBytesMax = 64 << 10;

/**
 * What is known of images' signatures, read beside everything else: nobody waits for it, and what is not read yet, or not any
 * more, is unknown. May be closed twice.
 */
export class ImageWatch {
  readonly #config: ImagesConfig;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** What was wrong at the last look. */
  #wrong: readonly string[] = [];
  #layouts: readonly SignedLayout[] = [];
  #keys: readonly ImageKey[] = [];
  /** What each layout that was read whole was read of last, and what it said. */
  readonly #read = new Map<string, Readonly<{ stamp: string; layout: SignedLayout }>>();

  constructor(config: ImagesConfig, { timers, log }: Readonly<{ timers: Timers; log: Log }>) {
    this.#config = config;
    this.#log = log;
    this.#running = this.#run(timers);
  }

  /** The images of a pod as the API server writes it; none where it is no pod. */
  of(pod: unknown): readonly JudgedImage[] {
    const read = readPod(pod);
    if (read === undefined) return [];
    return imagesOf(read).map(({ digest, ...rest }) => ({
      ...rest,
      ...{ digest: digest ?? null, signature: verdictOf(digest, this.#layouts) },
    }));
  }

  /** Containers of all pods, by what is known of their images. */
  count({ pods }: Pick<Facts, 'pods'>): Readonly<Record<ImageVerdict, number>> {
    const counts = { signed: 0, unsigned: 0, unknown: 0 };
    for (const { images } of pods.values()) for (const digest of images) counts[verdictOf(digest, this.#layouts)] += 1;
    return counts;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(timers: Timers): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#look();
      await pause(timers, this.#config.everySeconds * 1_000, signal);
    }
  }

  async #look(): Promise<void> {
    const found = (await Promise.all(this.#config.keys.map((place) => this.#keysIn(place)))).flat();
    const wrong: string[] = [];
    this.#keys = found.flatMap(({ place, text }) => {
      const key = text.ok ? readImageKey(text.value) : text;
      if (!key.ok) wrong.push(`${place}: ${key.fault.message}`);
      return key.ok ? [key.value] : [];
    });
    if (found.length === 0) wrong.push(`${this.#config.keys.join()}: no key in it`);
    const texts = found.map(({ text }) => (text.ok ? text.value : '')).join();
    // A key that is not there may be the one that signed: nothing is called unsigned without it.
    const isWhole = wrong.length === 0;
    const layouts: SignedLayout[] = [];
    // One after the other: however many there are, little of it is in memory at once.
    for (const folder of this.#config.layouts) {
      const layout = await this.#layoutIn(folder, texts);
      if (layout.ok) layouts.push(isWhole ? layout.value : { ...layout.value, held: new Set() });
      else wrong.push(layout.fault.message);
    }
    this.#layouts = layouts;
    // Each thing once, until it is well again.
    for (const cause of wrong.filter((one) => !this.#wrong.includes(one)))
      this.#log.warn({ cause }, 'signatures of images cannot be read: they are unknown');
    this.#wrong = wrong;
  }

  /** Read anew only where its index, or a key, has changed, or something of it could not be read. */
  async #layoutIn(folder: string, keys: string): Promise<Result<SignedLayout, 'LAYOUT_UNREADABLE'>> {
    const index = await stat(join(folder, 'index.json')).catch(() => undefined);
    const stamp = index === undefined ? '' : `${index.ino} ${index.size} ${index.mtimeMs} ${keys}`;
    const known = this.#read.get(folder);
    if (known !== undefined && stamp !== '' && known.stamp === stamp) return ok(known.layout);
    const layout = await readSignedLayout(folder, this.#keys);
    // An index may come before the blobs that it names, and rights may be mended: neither changes the index.
    if (layout.ok && layout.value.isWhole) this.#read.set(folder, { stamp, layout: layout.value });
    else this.#read.delete(folder);
    return layout;
  }

  /** The text of each key, or why it is not there. */
  async #keysIn(place: string): Promise<readonly KeyText[]> {
    // A mounted ConfigMap has folders of its own, whose names begin with dots.
    const names = await readdir(place).catch(() => undefined);
    const files = names?.filter((name) => !name.startsWith('.')).sort() ?? [''];
    const texts = await Promise.all(
      files.slice(0, keysMax).map(async (name): Promise<KeyText> => {
        const file = join(place, name);
        const bytes = await readBounded(file, keyBytesMax);
        const text = bytes === undefined ? refuse('KEY_UNREADABLE', 'cannot be read') : ok(bytes.toString('utf8'));
        return { place: file, text };
      }),
    );
    if (files.length <= keysMax) return texts;
    const why = `holds ${files.length} files, of which ${keysMax} are read; give several folders`;
    return [...texts, { place, text: refuse('KEYS_TOO_MANY', why) }];
  }
}
