// What is said aloud to a person who does not see the screen change. One polite region in the frame reads it.

let words = $state("");

export const live = {
  get words(): string {
    return words;
  },
};

export function announce(text: string): void {
  if (!text || text === words) return;
  words = text;
}
