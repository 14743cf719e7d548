/** What `testudo rotation verify` finds in a log in which three of many pods were not rotated as their draw says. */

import { verifyLog } from '../../client/response/rotation/verify.ts';
import { madeAtMs } from '../../client/response/testing/made-facts.ts';
import { logKey, madeLog } from '../../client/response/testing/made-log.ts';
import type { Report } from '../harness/report.ts';

const wanted = ['early shop/p11', 'late shop/p13', 'spared shop/p7'];

export function proof(small: boolean, report: Report): void {
  const pods = small ? 300 : 10_000;
  const { lines } = madeLog(pods, (uid, dueMs) => {
    if (uid === 'uid-p7') return null;
    if (uid === 'uid-p11') return Math.max(madeAtMs, dueMs - 120_000);
    return uid === 'uid-p13' ? dueMs + 120_000 : dueMs;
  });
  const startedAt = performance.now();
  const { findings } = verifyLog(lines, logKey.publicKey);
  const seconds = (performance.now() - startedAt) / 1_000;
  const found = findings.map(({ kind, pod }) => `${kind} ${pod ?? ''}`).sort();
  if (found.join() !== wanted.join()) throw new Error(`expected ${wanted.join()}, found ${found.join()}`);
  report.record({ case: `proof pods=${pods}`, lines: lines.length, found: found.length, seconds });
  report.text(
    `## The proof\n\nA log of ${pods} rotations (${lines.length} signed lines) in which one pod was spared, one rotated two minutes early and one two minutes late: ` +
      `\`testudo rotation verify\` names these ${found.length} and no other, in ${seconds.toFixed(1)} s.`,
  );
}
