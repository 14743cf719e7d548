import type { ComponentChildren } from 'preact';
import type { FaultShape } from '../../coordinator/web/shapes.ts';
import type { Answered } from '../api/requests.ts';
import { Code, Mark, Said } from './text.tsx';

type PanelProps = Readonly<{ title: string; children: ComponentChildren; aside?: ComponentChildren; wide?: boolean }>;

/** A part of a page with a heading of its own. */
export function Panel({ title, children, aside, wide = false }: PanelProps) {
  return (
    <section class={wide ? 'panel wide' : 'panel'} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A table that may be wider than its page: it scrolls by itself, by keyboard too. */
export function Wide({ label, children }: Readonly<{ label: string; children: ComponentChildren }>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (WCAG 2.1.1).
    <section class="scrolls" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

export function Refusal({ fault }: Readonly<{ fault: FaultShape }>) {
  return (
    <p class="refusal" role="alert">
      <Mark sign="critical" /> <Code text={fault.code} /> <Said text={fault.message} />
    </p>
  );
}

type WaitingProps<Value> = Readonly<{
  answer: Answered<Value> | undefined;
  children: (value: Value) => ComponentChildren;
}>;

/** What was asked for, once it is there. */
export function Awaited<Value>({ answer, children }: WaitingProps<Value>) {
  if (answer === undefined) return <p class="quiet">…</p>;
  if (!answer.ok) return <Refusal fault={answer.fault} />;
  return <>{children(answer.value)}</>;
}

/** One number with its name. */
export function Figure({ name, children }: Readonly<{ name: string; children: ComponentChildren }>) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
