import { z } from 'zod';

/** What sources of several kinds are told. */
export const path = z
  .string()
  .min(1)
  .max(4_096)
  .describe("the file; beside the configuration's own folder where it is relative");

export const follow = z
  .boolean()
  .default(true)
  .describe('wait for what is still written, through rotations; `false`: read it once, from its beginning');
