/** The URL of a module beside `from`, in whichever form we run: .ts from the sources, .js from the built package. */
export function siblingModule(from: string, name: string): URL {
  return new URL(`./${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from);
}
