import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { type Answer, type Ask, settlesNothing } from './connection.ts';
import type { PostgresLink } from './link.ts';
import { quoted } from './quoted.ts';

/** The layout of the tables below. A higher number was written by a newer build. */
const layoutVersion = 1;

/** Starting twice at once must not make the tables twice. Any number will do, if it is always the same. */
const founding = 'pg_advisory_xact_lock(7441744274437445)';

/**
 * `entries` is the journal; `fence` says who may write and where the journal ends; `secrets` and `identity` are what makes a
 * coordinator this one. `body` is text, since its hash is over its exact bytes. The fence's row is rewritten with every commit:
 * room in its page keeps that cheap.
 */
function tablesIn(schema: string): string {
  return `
    SELECT ${founding};
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE IF NOT EXISTS ${schema}.layout (id int PRIMARY KEY CHECK (id = 1), version int NOT NULL);
    CREATE TABLE IF NOT EXISTS ${schema}.entries (
      seq bigint PRIMARY KEY, epoch bigint NOT NULL, body text NOT NULL, chain text NOT NULL
    );
    CREATE TABLE IF NOT EXISTS ${schema}.fence (
      id int PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL, holder text NOT NULL, beat bigint NOT NULL,
      lease_ms int NOT NULL, head_seq bigint NOT NULL, head_chain text NOT NULL, moved_to text
    ) WITH (fillfactor = 10);
    CREATE TABLE IF NOT EXISTS ${schema}.snapshots (
      id int PRIMARY KEY CHECK (id = 1), seq bigint NOT NULL, chain text NOT NULL, version int NOT NULL,
      body text NOT NULL, digest text NOT NULL
    );
    CREATE TABLE IF NOT EXISTS ${schema}.secrets (name text PRIMARY KEY, sealed bytea NOT NULL);
    CREATE TABLE IF NOT EXISTS ${schema}.identity (name text PRIMARY KEY, body text NOT NULL);
    CREATE OR REPLACE FUNCTION ${schema}.stay() RETURNS trigger LANGUAGE plpgsql AS
      $stay$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $stay$;
    CREATE OR REPLACE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ${schema}.entries
      FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.stay();
    INSERT INTO ${schema}.fence VALUES (1, 0, '', 0, 0, 0, repeat('0', 64), NULL) ON CONFLICT DO NOTHING;
    INSERT INTO ${schema}.layout VALUES (1, ${layoutVersion}) ON CONFLICT DO NOTHING;`;
}

export type LayoutFaultCode = 'JOURNAL_NEWER' | UnansweredFaultCode;
type UnansweredFaultCode = 'DATABASE_UNREACHABLE' | 'DATABASE_REFUSED' | 'DATABASE_UNFIT';

/** Makes the tables where there are none, all at once: several statements sent together are one transaction. What a newer build made is left as it is. */
export async function ensureLayout(link: PostgresLink): Promise<Result<void, LayoutFaultCode>> {
  return onLayout(link, async (ask, schema) => {
    const made = await link.repeatWith(ask, tablesIn(schema));
    return made.kind === 'rows' ? ok(undefined) : unanswered(made);
  });
}

/** For who reads along and must change nothing, whatever its user may. */
export function findLayout(link: PostgresLink): Promise<Result<void, LayoutFaultCode>> {
  return onLayout(link, async (_, schema) => {
    const remedy = 'name the schema of the coordinator in journal.postgres.schema';
    return refuse('DATABASE_UNFIT', `no journal lies in schema ${schema} of this database: ${remedy}`);
  });
}

async function onLayout(
  link: PostgresLink,
  whereNone: (ask: Ask, schema: string) => Promise<Result<void, LayoutFaultCode>>,
): Promise<Result<void, LayoutFaultCode>> {
  const schema = quoted(link.settings.schema);
  return link.alone(async (ask) => {
    // Who is not let in is not let in a second time either; nothing of anybody's is under way yet.
    const first = await ask('SELECT 1');
    if (first.kind === 'lost' && first.isTurnedAway === true) return unanswered(first);
    const there = await link.repeatWith(ask, 'SELECT to_regclass($1) IS NOT NULL AS found', [`${schema}.layout`]);
    if (there.kind !== 'rows') return unanswered(there);
    const made = there.rows[0]?.found === true ? ok(undefined) : await whereNone(ask, schema);
    if (!made.ok) return made;
    const read = await link.repeatWith(ask, `SELECT version FROM ${schema}.layout WHERE id = 1`);
    if (read.kind !== 'rows') return unanswered(read);
    const version = Number(read.rows[0]?.version);
    if (version <= layoutVersion) return ok(undefined);
    return refuse(
      'JOURNAL_NEWER',
      `journal: layout ${version}, but this build knows ${layoutVersion}. Start the build that wrote it, or a newer one`,
      { version },
    );
  });
}

/** A question of a start that was not answered, or was refused by the server. One that ends, or whose disk fails, has refused nothing. */
export function unanswered(answer: Exclude<Answer, { kind: 'rows' }>): Result<never, UnansweredFaultCode> {
  if (answer.kind === 'refused' && !settlesNothing(answer.sqlState)) {
    const what = `PostgreSQL refuses what the journal needs: ${answer.cause}. Mend the rights of its user`;
    return refuse('DATABASE_UNFIT', what);
  }
  return answer.kind === 'lost' && answer.isTurnedAway === true
    ? refuse('DATABASE_REFUSED', answer.cause)
    : refuse('DATABASE_UNREACHABLE', `PostgreSQL does not answer: ${answer.cause}`);
}

/** Whether it may be over at the next look: a password is changed on both sides, one after the other. */
export function mayPass({ code }: Fault): boolean {
  return code === 'DATABASE_UNREACHABLE' || code === 'DATABASE_REFUSED';
}
