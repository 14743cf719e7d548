import type { ComponentChildren } from 'preact';
import { go } from '../api/route.ts';

type LinkProps = Readonly<{ to: string; children: ComponentChildren; class?: string; current?: boolean }>;

/** To another page of ours, without loading everything again. */
export function Link({ to, children, class: name, current = false }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} class={name} aria-current={current ? 'page' : undefined} onClick={follow}>
      {children}
    </a>
  );
}
