import type { SourceBatch, SourceItem } from '../../events/source-item.ts';
import type { FilePosition, FollowOptions } from '../../recordings/file-follower.ts';

/** What one tool writes in one version and shape, and what its reader must make of it. */
export type ReaderCase = Readonly<{
  /** "Istio sidecar", "Envoy Gateway", "strace". */
  tool: string;
  /** The versions that write this shape, as the tool counts them: "1.24 to 1.28". */
  versions: string;
  /** What is special about these lines: "text, egress through PassthroughCluster". Names the test, too. */
  shape: string;
  /** The lines of a file, without their newlines. Addresses and names are of documentation ranges. */
  lines: readonly string[];
  /** One for each item, in order, held by `toMatchObject`: what is named must be so, the rest may be anything. */
  items: readonly ItemShape[];
}>;

/** The part of an item that a case promises. */
export type ItemShape = Readonly<{ kind: SourceItem['kind'] } & Record<string, unknown>>;

/**
 * One reader with all the shapes that its tests cover. The tests, the fuzzing, `npm run bench -- sources` and
 * docs/sources.md read the same tables: a shape that is not in one is not promised.
 */
export type ReaderTable = Readonly<{
  /** The kind of the source in the configuration: "meshAccessLog". */
  source: string;
  /** Heading on the page: "Access logs". */
  title: string;
  /** Measured beside JSON.parse of the same bytes, or beside a plain split of each line. */
  format: 'json' | 'text';
  /** Sentences for the page: what the format cannot tell, what the reader does about it. */
  notes: readonly string[];
  cases: readonly ReaderCase[];
  open(path: string, follow: FollowOptions): AsyncIterable<SourceBatch<FilePosition>>;
  /** The lines of a file with one flow from this address, in whatever way it is spelt; absent where there are none. */
  withAddress?: (address: string) => readonly string[];
  /** A line of which the reader rightly makes nothing beside a blank one: a header, a remark. */
  isQuiet?: (line: string) => boolean;
  /**
   * `one`, as nearly always: each line that is not quiet is one item, read or skipped. `some`: at least one. `records`: they
   * may span lines, so that there are at most as many items as lines.
   */
  itemsOfLine?: 'one' | 'some' | 'records';
}>;
