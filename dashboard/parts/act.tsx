import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Effect, FaultShape, Outcome } from '../../coordinator/web/shapes.ts';
import { post } from '../api/requests.ts';
import { Refusal } from './panel.tsx';
import { Table } from './table.tsx';
import { Mark, Said } from './text.tsx';

export type ActProps = Readonly<{
  /** What the button says, and the dialogue's heading. */
  name: string;
  /** The word behind /api/acts/. */
  act: string;
  fields: Readonly<Record<string, unknown>>;
  /** Whether it can be tried first; then nothing is done before it was. */
  triable: boolean;
  /** What is about to happen, in a sentence. */
  children: ComponentChildren;
  disabled?: boolean;
}>;

const reasonMax = 500;

/** A change was asked for and nobody said what became of it. */
const answerLost = 'no answer came: it may have been done. Look at the audit log before you ask for it again';

/** Opens the dialogue; there is one, beside every page: it stays while the page under it changes. */
let start: (act: ActProps) => void = () => {};

/** A button that changes something: it asks for a reason, shows what would happen, and only then does it. */
export function Act(props: ActProps) {
  return (
    <button type="button" disabled={props.disabled} onClick={() => start(props)}>
      {props.name}
    </button>
  );
}

/** Where acts are asked for, shown and done. */
export function ActDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState<ActProps>();
  useEffect(() => {
    start = setOpen;
  }, []);
  // Once the form is there: a dialogue gives the focus to what it holds when it opens.
  useEffect(() => {
    if (open !== undefined) dialog.current?.showModal();
  }, [open]);
  return (
    <dialog ref={dialog} aria-label={open?.name} onClose={() => setOpen(undefined)}>
      {open !== undefined && <ActForm {...open} close={() => dialog.current?.close()} />}
    </dialog>
  );
}

type FormProps = Omit<ActProps, 'disabled'> & Readonly<{ close: () => void }>;

function ActForm({ name, act, fields, triable, children, close }: FormProps) {
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState<Outcome>();
  const [done, setDone] = useState<Outcome>();
  const [fault, setFault] = useState<FaultShape>();
  const [busy, setBusy] = useState(false);
  const send = async (more: Readonly<Record<string, unknown>>, then: (outcome: Outcome) => void) => {
    setBusy(true);
    const answered = await post<Outcome>(`/api/acts/${act}`, { ...fields, reason, ...more });
    setBusy(false);
    if (answered.ok) {
      setFault(undefined);
      then(answered.value);
    } else {
      const { code, message } = answered.fault;
      setFault({ code, message: code === 'UNREACHABLE' && more.dryRun !== true ? answerLost : message });
      setTried(undefined); // What was shown does not hold any more.
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (triable && tried === undefined) return void send({ dryRun: true }, setTried);
    return void send({ agreed: tried?.agreed }, setDone);
  };
  if (done !== undefined) {
    return (
      <div class="act">
        <h2>{name}</h2>
        <p role="status">
          <Mark sign="good" /> Done{done.sequence > 0 && `: entry ${done.sequence} of the journal`}.
          {done.decided === false && ' It is not decided yet: another operator must say the same.'}
        </p>
        <p class="buttons">
          <button type="button" onClick={close}>
            Close
          </button>
        </p>
      </div>
    );
  }
  return (
    <form class="act" onSubmit={submit}>
      <h2>{name}</h2>
      <p>{children}</p>
      <label>
        Why? It goes into the audit log under your name.
        <textarea
          rows={2}
          required
          maxLength={reasonMax}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      {tried !== undefined && <Would outcome={tried} />}
      {fault !== undefined && <Refusal fault={fault} />}
      <p class="buttons">
        <button type="button" class="plain" onClick={close}>
          Cancel
        </button>
        <button type="submit" disabled={busy || reason.trim() === ''}>
          {triable && tried === undefined ? 'Show what would happen' : `${name} now`}
        </button>
      </p>
    </form>
  );
}

/** What a dry run showed. */
function Would({ outcome }: Readonly<{ outcome: Outcome }>) {
  const { effects, version, decided, approvedBy = [], approvalsNeeded = 1, heldRounds } = outcome;
  return (
    <div role="status">
      <p>
        {version !== undefined && <>Version {version}. </>}
        {effects.length === 0 ? 'No cluster would run anything else.' : `${effects.length} clusters would change:`}
        {decided === false &&
          ` It would not be decided by this: ${approvedBy.length + 1} of ${approvalsNeeded} approvals.`}
        {heldRounds !== undefined && ` It would hold back ${heldRounds} planned rounds.`}
      </p>
      {effects.length > 0 && <Effects effects={effects} />}
    </div>
  );
}

const effectsShown = 50;

function Effects({ effects }: Readonly<{ effects: readonly Effect[] }>) {
  const rest = effects.length - effectsShown;
  return (
    <>
      <Table label="What would change, a table" heads={['cluster', 'runs', 'in shadow', 'because']}>
        {effects.slice(0, effectsShown).map((effect) => (
          <tr key={`${effect.cluster} ${effect.track}`}>
            <th scope="row">
              <Said text={effect.cluster} />
            </th>
            <td>
              {effect.before ?? '–'} → {effect.after ?? '–'}
            </td>
            <td>
              {effect.shadowBefore ?? '–'} → {effect.shadowAfter ?? '–'}
            </td>
            <td>
              <Said text={effect.because} />
            </td>
          </tr>
        ))}
      </Table>
      {rest > 0 && <p class="quiet">and {rest} more</p>}
    </>
  );
}
