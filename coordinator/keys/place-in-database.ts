import { FaultError } from '../../base/fault.ts';
import type { Ask } from '../postgres/connection.ts';
import type { Row } from '../postgres/driver.ts';
import type { PostgresLink } from '../postgres/link.ts';
import { quoted } from '../postgres/quoted.ts';
import type { CertificateName, IdentityPlace, SecretPlace } from './key-place.ts';

/** Two first starts at once wait for each other. Any number will do, if it is always the same, and not the layout's. */
const founding = 7_441_744_274_437_446n;

/**
 * In the tables of a database, where a successor on another machine finds them. Once this coordinator is the journal's writer
 * its writes go under the fence, so that a stale one destroys no key of the one that took over.
 */
export function placeInDatabase(link: PostgresLink): IdentityPlace {
  return {
    // All that is asked here does no harm when it is done twice.
    ...placeAskedBy(link, (text, values) => link.repeat(text, values)),
    alone: (found) => link.aloneOverOne((ask) => foundOverOne(link, ask, found)),
  };
}

/** The lock is the session's, and ends with the connection: what is asked after that is lost, and the founding fails with it. */
async function foundOverOne<Value>(link: PostgresLink, ask: Ask, found: (place: IdentityPlace) => Promise<Value>) {
  const lapses = link.patience();
  while ((await rowsOf(ask('SELECT pg_try_advisory_lock($1) AS held', [founding])))[0]?.held !== true) {
    if (!(await lapses())) throw failed('another first start is under way there, and does not end');
  }
  const place: IdentityPlace = { ...placeAskedBy(link, ask), alone: (inner) => inner(place) };
  try {
    return await found(place);
  } finally {
    await ask('SELECT pg_advisory_unlock($1)', [founding]);
  }
}

function placeAskedBy(link: PostgresLink, ask: Ask): Omit<IdentityPlace, 'alone'> {
  const { schema, database } = link.settings;
  const identity = `${quoted(schema)}.identity`;
  const name = `schema ${schema} of database ${database}`;
  return {
    name,
    secrets: new SecretTable(link, ask, name),
    async readCertificate(certificate: CertificateName) {
      const [row] = await rowsOf(ask(`SELECT body FROM ${identity} WHERE name = $1`, [certificate]));
      return row === undefined ? undefined : String(row.body);
    },
    async writeCertificate(certificate: CertificateName, pem: string) {
      const put = 'ON CONFLICT (name) DO UPDATE SET body = excluded.body';
      await rowsOf(ask(`INSERT INTO ${identity} (name, body) VALUES ($1, $2) ${put}`, [certificate, pem]));
    },
  };
}

class SecretTable implements SecretPlace {
  readonly name: string;
  readonly #link: PostgresLink;
  readonly #ask: Ask;
  readonly #table: string;
  readonly #fence: string;

  constructor(link: PostgresLink, ask: Ask, name: string) {
    this.name = name;
    this.#link = link;
    this.#ask = ask;
    this.#table = `${quoted(link.settings.schema)}.secrets`;
    this.#fence = `${quoted(link.settings.schema)}.fence`;
  }

  async read(name: string): Promise<Buffer | undefined> {
    const [row] = await rowsOf(this.#ask(`SELECT sealed FROM ${this.#table} WHERE name = $1`, [name]));
    return row?.sealed as Buffer | undefined;
  }

  async present(names: readonly string[]): Promise<readonly string[]> {
    const rows = await rowsOf(this.#ask(`SELECT name FROM ${this.#table} WHERE name = ANY($1)`, [names]));
    return rows.map(({ name }) => String(name));
  }

  async write(name: string, sealed: Buffer): Promise<void> {
    await this.#insert(name, sealed, 'DO UPDATE SET sealed = excluded.sealed');
  }

  /** What an answer that was lost did is found there by the next: false then, and nothing is wrong. */
  async add(name: string, sealed: Buffer): Promise<boolean> {
    return (await this.#insert(name, sealed, 'DO NOTHING')) > 0;
  }

  async erase(name: string): Promise<void> {
    await this.#change(`DELETE FROM ${this.#table} WHERE name = $3 AND EXISTS (SELECT 1 FROM held) RETURNING 1`, [
      name,
    ]);
  }

  #insert(name: string, sealed: Buffer, onConflict: string): Promise<number> {
    return this.#change(
      `INSERT INTO ${this.#table} (name, sealed) SELECT $3, $4 WHERE EXISTS (SELECT 1 FROM held)
       ON CONFLICT (name) ${onConflict} RETURNING 1`,
      [name, sealed],
    );
  }

  /**
   * Gives how many rows a statement with RETURNING changed. Before this coordinator is the writer, founding, the fence is not
   * asked: there is nobody yet whom it would keep out.
   */
  async #change(statement: string, values: readonly unknown[]): Promise<number> {
    const { writer } = this.#link;
    const [row] = await rowsOf(
      this.#ask(
        `WITH held AS (
           UPDATE ${this.#fence} SET beat = beat + 1
           WHERE id = 1 AND ($1::bigint IS NULL OR (epoch = $1 AND holder = $2::text)) RETURNING 1
         ), changed AS (${statement})
         SELECT EXISTS (SELECT 1 FROM held) AS held, (SELECT count(*) FROM changed) AS count`,
        [writer?.epoch ?? null, writer?.holder ?? null, ...values],
      ),
    );
    if (row?.held === true) return Number(row.count);
    const message = 'another coordinator has taken over: it has the keys now; stop this one';
    throw new FaultError({ code: 'EPOCH_STALE', message });
  }
}

async function rowsOf(asked: ReturnType<Ask>): Promise<readonly Row[]> {
  const answer = await asked;
  if (answer.kind === 'rows') return answer.rows;
  throw failed(answer.cause);
}

function failed(cause: string): FaultError {
  return new FaultError({ code: 'JOURNAL_IO', message: `PostgreSQL failed what concerns keys: ${cause}` });
}
