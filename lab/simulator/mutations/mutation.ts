import type { InvariantName } from '../violation.ts';

export type Edit = Readonly<{
  /** From the root of the repository. */
  file: string;
  /** Stands once in the file. */
  find: string;
  replace: string;
}>;

/** A bug that is planted to see that it is caught: by a simulated day, or where none shows it by a test. */
export type Mutation = Readonly<{ name: string; edits: readonly Edit[] }> & (CaughtByDay | CaughtByTest);

type CaughtByDay = Readonly<{
  /** Rules that it may be seen to break first. */
  breaks: readonly InvariantName[];
  /** The first seed, from 1 on, that shows it. */
  seed: number;
  /** What the day says of it, where its rule's name alone could mean anything. */
  says?: RegExp;
}>;

type CaughtByTest = Readonly<{
  /** The test file, from the root of the repository. */
  test: string;
  /** The full name of a test that fails. */
  fails: string;
}>;
