/** What a program must not have to say while everything goes as it should. How slow a statement was says how busy the machine is. */
export function complaints(lines) {
  return lines.filter((line) => / (ERROR|WARN) |panicked/.test(line) && !/ WARN sqlx::query: slow statement/.test(line));
}
