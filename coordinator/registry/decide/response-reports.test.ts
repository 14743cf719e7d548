import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { TestFederation } from '../../testing/federation.ts';
import { ResponseReports } from './response-reports.ts';

it('gives the end of a chain that is told twice at once one entry and one receipt, and refuses another end of its record', async () => {
  const federation = await TestFederation.start();
  const { engine } = federation.coordinator;
  const cluster = (await federation.enrol('a')).name as ClusterId;
  const reports = new ResponseReports(engine, newSigningKeyPair(), Date.now);
  const head = { signer: 'ab'.repeat(32), record: 3, digest: digestOf(Buffer.from('end')) };
  const told = await Promise.all([reports.journalEvidence(cluster, head), reports.journalEvidence(cluster, head)]);
  const [first, second] = told.map(unwrap);
  expect(second).toEqual(first);
  const entries = (await federation.audit()).filter(({ event }) => event.kind === 'evidenceJournaled');
  expect(entries).toMatchObject([{ seq: first?.receipt.sequence, atMs: first?.receipt.acceptedAtMs }]);
  const other = { ...head, digest: digestOf(Buffer.from('another end')) };
  expect(await reports.journalEvidence(cluster, other)).toMatchObject({ fault: { code: 'EVIDENCE_CONFLICT' } });
});
