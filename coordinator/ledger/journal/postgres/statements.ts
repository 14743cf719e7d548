import { quoted } from '../../../postgres/quoted.ts';

/**
 * The statements of the journal in one schema, each whole in itself: none needs a state of the session, so that a pooler
 * between does no harm.
 */
export function statementsIn(schemaName: string) {
  const schema = quoted(schemaName);
  const fence = `${schema}.fence`;
  const entries = `${schema}.entries`;
  /** Of a write that must outlive this server. `required`: a parameter. */
  const lasting = (required: string) =>
    `current_setting('synchronous_commit') IN ('on', 'remote_apply')
      AND (NOT ${required}::bool OR current_setting('synchronous_standby_names') <> '')`;
  const head = 'head_seq, head_chain';
  return {
    /**
     * $1 epoch, $2 holder, $3 chain before, $4 and $5 the new head, $6 whether a standby is required, then columns of rows.
     * Compare and set: a stale writer, a duplicate and a delayed packet all write nothing, and get no row.
     */
    commit: `
      WITH held AS (
        UPDATE ${fence} SET head_seq = $4, head_chain = $5, beat = beat + 1
        WHERE id = 1 AND epoch = $1 AND holder = $2 AND head_chain = $3 AND ${lasting('$6')} RETURNING ${head}
      ), written AS (
        INSERT INTO ${entries} (seq, epoch, body, chain)
        SELECT * FROM unnest($7::bigint[], $8::bigint[], $9::text[], $10::text[]) WHERE EXISTS (SELECT 1 FROM held)
      )
      SELECT ${head} FROM held`,
    /**
     * A write that changes nothing but the beat: it waits for whatever an older connection of this writer still does, and
     * comes after it in the server's log. What it finds is therefore settled, and where it lies, that lies too.
     */
    barrier: `
      UPDATE ${fence} SET beat = beat + 1
      WHERE id = 1 AND epoch = $1 AND holder = $2 AND ${lasting('$3')} RETURNING ${head}`,
    /** Why a write found nothing to hold on to. */
    look: `SELECT epoch, holder, beat, lease_ms, moved_to, ${head} FROM ${fence} WHERE id = 1`,
    /** $1 epoch and $2 holder as seen, $3 the new holder, $4 its lease. One of many that race gets a row. */
    raise: `
      UPDATE ${fence} SET epoch = epoch + 1, holder = $3, lease_ms = $4, beat = beat + 1
      WHERE id = 1 AND epoch = $1 AND holder = $2 AND moved_to IS NULL RETURNING epoch, ${head}`,
    handOver: `UPDATE ${fence} SET holder = '' WHERE id = 1 AND epoch = $1 AND holder = $2`,
    read: `SELECT seq, epoch, body, chain FROM ${entries} WHERE seq >= $1 ORDER BY seq LIMIT $2`,
    /** $1 epoch, $2 holder, $3 to $7 the snapshot. */
    saveSnapshot: `
      WITH held AS (
        UPDATE ${fence} SET beat = beat + 1 WHERE id = 1 AND epoch = $1 AND holder = $2 RETURNING 1
      ), known AS (
        SELECT 1 FROM ${entries} WHERE seq = $3 AND chain = $4
      ), saved AS (
        INSERT INTO ${schema}.snapshots AS old (id, seq, chain, version, body, digest)
        SELECT 1, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM held) AND EXISTS (SELECT 1 FROM known)
        ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, chain = excluded.chain, version = excluded.version,
          body = excluded.body, digest = excluded.digest
      )
      SELECT EXISTS (SELECT 1 FROM held) AS held, EXISTS (SELECT 1 FROM known) AS known`,
    latestSnapshot: `SELECT seq, chain, version, body, digest FROM ${schema}.snapshots WHERE id = 1`,
  } as const;
}

export type Statements = ReturnType<typeof statementsIn>;
