// Whom an audit is about.

/** The method that the audit is about: the first that was learned, or the first. */
export function audited(
  methods: readonly { readonly name: string; readonly classical?: true }[],
): string {
  return (methods.find((m) => !m.classical) ?? methods[0]).name;
}
