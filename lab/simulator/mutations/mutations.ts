import { clientMutations } from './client-mutations.ts';
import { databaseMutations } from './database-mutations.ts';
import { journalMutations } from './journal-mutations.ts';
import type { Mutation } from './mutation.ts';
import { releaseMutations } from './release-mutations.ts';
import { responseMutations } from './response-mutations.ts';
import { roundMutations } from './round-mutations.ts';

/** Every one is planted and caught by its seed, or its test: docs/simulator.md. */
export const mutations: readonly Mutation[] = [
  ...journalMutations,
  ...databaseMutations,
  ...roundMutations,
  ...releaseMutations,
  ...clientMutations,
  ...responseMutations,
];
