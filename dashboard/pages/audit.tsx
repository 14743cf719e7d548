import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChainShape, FaultShape, AuditPage as Page } from '../../coordinator/web/shapes.ts';
import { useLive } from '../api/hooks.ts';
import { type Shown, withEarlier, withNewest } from '../api/newest-first.ts';
import { get } from '../api/requests.ts';
import { Panel, Refusal } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Code, Mark, Said } from '../parts/text.tsx';
import { Exactly } from '../parts/time.tsx';

type Entry = Page['entries'][number];
type Wanted = Readonly<{ who: string; about: string; kinds: string }>;

type Found = Readonly<{ of: Wanted; shown: Shown<Entry> | undefined }>;

const all: Wanted = { who: '', about: '', kinds: '' };

/** The journal as an audit log, newest first, and whether its chain holds. */
export function AuditPage() {
  const { entries: news } = useLive();
  const [wanted, setWanted] = useState(all);
  const latest = useRef(wanted);
  const [{ shown, of }, setFound] = useState<Found>({ of: all, shown: undefined });
  const [fault, setFault] = useState<FaultShape>();
  /** `joined`: what the page makes of what is shown of the same search. */
  const search = async (
    asked: Wanted,
    from: number,
    joined: (shown: Shown<Entry> | undefined, page: Shown<Entry>) => Shown<Entry>,
  ) => {
    const query = new URLSearchParams({ ...asked, before: String(from) });
    const answered = await get<Page>(`/api/audit?${query}`);
    if (asked !== latest.current) return; // Another search has begun since.
    setFault(answered.ok ? undefined : answered.fault);
    if (!answered.ok) return;
    const page = answered.value;
    setFound((found) => ({ of: asked, shown: joined(found.of === asked ? found.shown : undefined, page) }));
  };
  useEffect(() => {
    latest.current = wanted;
    void search(wanted, 0, withNewest);
  }, [wanted, news]);
  const { entries, before } = shown ?? { entries: [], before: 0 };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const field = (name: string) => String(fields.get(name) ?? '').trim();
    setWanted({ who: field('who'), about: field('about'), kinds: field('kinds').replaceAll(/[\s,]+/g, ',') });
  };
  return (
    <>
      <h1>Audit</h1>
      <Chain />
      <Panel title="Entries, newest first">
        <search>
          <form class="choose" onSubmit={submit}>
            <label>
              who <input name="who" placeholder="ada" />
            </label>
            <label>
              about <input name="about" placeholder="syscall, r-12, a digest" />
            </label>
            <label>
              kinds <input name="kinds" placeholder="refused, channelMoved" />
            </label>
            <button type="submit">Search</button>
          </form>
        </search>
        {fault !== undefined && <Refusal fault={fault} />}
        <Table label="Entries of the journal, a table" heads={[{ number: 'entry' }, 'when', 'who', 'what', 'event']}>
          {entries.map((entry) => (
            <tr key={entry.sequence}>
              <th scope="row" class="number">
                {entry.sequence}
              </th>
              <td>
                <Exactly ms={entry.atMs} />
              </td>
              <td>
                <Said text={entry.actor} />
              </td>
              <td>
                <Code text={entry.kind} />
              </td>
              <td class="prose">
                <Event text={entry.eventJson} />
              </td>
            </tr>
          ))}
        </Table>
        <p class="buttons">
          {before > 0 ? (
            <button
              type="button"
              onClick={() => void search(of, before, (now, page) => withEarlier(now, before, page))}
            >
              Earlier
            </button>
          ) : (
            <span class="quiet">Nothing earlier fits.</span>
          )}
        </p>
      </Panel>
    </>
  );
}

const shownMax = 160;

function Event({ text }: Readonly<{ text: string }>) {
  if (text.length <= shownMax) return <Code text={text} />;
  return (
    <details>
      <summary>
        <Code text={`${text.slice(0, shownMax)}…`} />
      </summary>
      <pre class="event">
        <Said text={JSON.stringify(JSON.parse(text), null, 2)} />
      </pre>
    </details>
  );
}

/** The hash chain over all entries, read again from the disk. */
function Chain() {
  const [chain, setChain] = useState<ChainShape>();
  const [fault, setFault] = useState<FaultShape>();
  const [busy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    const answered = await get<ChainShape>('/api/chain');
    setBusy(false);
    setChain(answered.ok ? answered.value : undefined);
    setFault(answered.ok ? undefined : answered.fault);
  };
  return (
    <Panel
      title="The chain"
      aside={
        <button type="button" disabled={busy} onClick={() => void verify()}>
          {busy ? 'Reading all of it…' : 'Verify now'}
        </button>
      }
    >
      <div role="status">
        {chain?.holds === true && (
          <p>
            <Mark sign="good" /> Verified to entry {chain.entries}: <Code text={chain.digest} />
          </p>
        )}
        {chain?.holds === false && (
          <p>
            <Mark sign="critical" /> <b>Broken.</b> <Said text={chain.why} />
          </p>
        )}
        {fault !== undefined && <Refusal fault={fault} />}
        {chain === undefined && fault === undefined && (
          <p class="quiet">
            Every entry holds the digest of the one before. A copy of the newest digest, kept elsewhere, shows a cut
            end.
          </p>
        )}
      </div>
    </Panel>
  );
}
