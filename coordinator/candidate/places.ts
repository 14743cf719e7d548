import { join } from 'node:path';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { BlobStoreSettings } from '../blobs/store-settings.ts';
import type { KeptBlocks } from './opening/kept-blocks.ts';

/** Where jobs run, as plain data that threads are started with. */
export type JobPlaces = Readonly<{
  /** The store that holds what a job names, and takes what it makes. */
  blobs: BlobStoreSettings;
  /** A local folder for what may go at any time: scratch files without a name, and folders that replays remove. */
  scratchDir: string;
  /** URL of a module that reads trusted samples (sample-reader.ts); without it no job that goes by one can run here. */
  sampleReader?: string | undefined;
  /** Opened deltas may take this much memory; above it they wait in scratch files. Default 64 MiB. */
  memoryBytesMax?: number;
}>;

/** The places in a data directory. */
export function placesIn(dataDir: string, sampleReader?: URL): JobPlaces {
  const reader = sampleReader && { sampleReader: sampleReader.href };
  return { blobs: { kind: 'files', dir: dataDir }, scratchDir: join(dataDir, 'scratch'), ...reader };
}

/** What a job works with, opened. */
export type Workplace = Readonly<{
  /** Holds what the job names. */
  blobs: BlobStore;
  /** Takes what it makes; the same store unless it is given. */
  out?: BlobStore;
  scratchDir: string;
  memoryBytesMax?: number;
  /** URL of what reads trusted samples. */
  sampleReader?: string | undefined;
  /** Keeps what a tile opened for the next one of its round; absent: each opens its updates, and so does the round. */
  kept?: KeptBlocks;
}>;
