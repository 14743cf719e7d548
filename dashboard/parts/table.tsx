import type { ComponentChildren } from 'preact';
import { Wide } from './panel.tsx';

type Head = string | ComponentChildren | Readonly<{ number: ComponentChildren }>;

/** Rows below their heads; a column of numbers says so. */
export function Table({
  label,
  heads,
  children,
}: Readonly<{ label: string; heads: readonly Head[]; children: ComponentChildren }>) {
  return (
    <Wide label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head, at) => {
              const isNumber = typeof head === 'object' && head !== null && 'number' in head;
              return (
                <th key={at} scope="col" class={isNumber ? 'number' : undefined}>
                  {isNumber ? head.number : head}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Wide>
  );
}
