// Text out of files, as it may stand in a message.

/** At most 60 characters, those that would not print as question marks. */
export const printable = (text: string): string => text.slice(0, 60).replace(/[^ -~]/g, "?");
