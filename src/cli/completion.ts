/** `sojourn completion`: what makes a shell complete commands and options. */

import { type Command, type Options, UsageError } from "./command.ts";
import { common, sources } from "./help.ts";

const shells = ["bash", "zsh", "fish"];

export const completionCommand: Command = {
  name: "completion",
  about: "print the completion for bash, zsh or fish",
  argument: { name: "shell", needed: true },
  opens: false,
  run({ argument = "", stdout, commands }) {
    const script = { bash, zsh, fish }[argument];
    if (!script)
      throw new UsageError(`completion is there for ${shells.join(", ")}; received ${JSON.stringify(argument)}`);
    stdout.write(script(commands));
  },
};

function optionsOf({ options, opens }: Command): Options {
  const all = { ...options, ...(opens === false ? {} : sources), ...common };
  return Object.fromEntries(Object.entries(all).filter(([, { hidden }]) => hidden !== true));
}

const names = (commands: readonly Command[]): string[] => [...commands.map(({ name }) => name), "help"];

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const words = Object.keys(optionsOf(command)).map((name) => `--${name}`);
    const all = command.name === "completion" ? [...shells, ...words] : words;
    return `    ${command.name}) words="${all.join(" ")}" ;;`;
  });
  return `# bash completion of sojourn: eval "$(sojourn completion bash)"
_sojourn() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words
  case "$before" in
    ${fileOptions(commands).join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="${names(commands).join(" ")}" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names(commands).join(" ")}"; fi
  if [ "$COMP_CWORD" -eq 2 ] && [ "\${COMP_WORDS[1]}" = help ]; then words="${commands.map(({ name }) => name).join(" ")}"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sojourn sojourn
`;
}

function fileOptions(commands: readonly Command[]): string[] {
  const all = Object.entries(Object.assign({}, ...commands.map(optionsOf)) as Options);
  return all.filter(([, { file }]) => file).map(([name]) => `--${name}`);
}

function zsh(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const rows = Object.entries(optionsOf(command)).map(([name, { type, about, file }]) => {
      const value = type === "boolean" ? "" : file ? ":file:_files" : ":value:";
      return `'--${name}[${quoted(about)}]${value}'`;
    });
    const argument = command.name === "completion" ? [`'1:shell:(${shells.join(" ")})'`] : [];
    return `    ${command.name}) _arguments ${[...argument, ...rows].join(" ")} ;;`;
  });
  return `#compdef sojourn
# zsh completion of sojourn: source <(sojourn completion zsh)
_sojourn() {
  local -a names
  names=(
${commands.map(({ name, about }) => `    '${name}:${quoted(about)}'`).join("\n")}
    'help:tell the options of a command'
  )
  if (( CURRENT == 2 )); then _describe command names; return; fi
  local name=$words[2]
  shift words; (( CURRENT-- ))
  case $name in
${cases.join("\n")}
    help) _describe command names ;;
  esac
}
if [ "$funcstack[1]" = _sojourn ]; then _sojourn "$@"; else compdef _sojourn sojourn; fi
`;
}

function fish(commands: readonly Command[]): string {
  const top = commands.map(
    ({ name, about }) => `complete -c sojourn -n __fish_use_subcommand -f -a ${name} -d '${quoted(about)}'`,
  );
  const options = commands.flatMap((command) =>
    Object.entries(optionsOf(command)).map(([name, { type, short, about, file }]) => {
      const flags = `${short === undefined ? "" : ` -s ${short}`} -l ${name}${type === "string" ? " -r" : ""}${file ? " -F" : " -f"}`;
      return `complete -c sojourn -n '__fish_seen_subcommand_from ${command.name}'${flags} -d '${quoted(about)}'`;
    }),
  );
  const words = [
    `complete -c sojourn -n '__fish_seen_subcommand_from completion' -f -a '${shells.join(" ")}'`,
    `complete -c sojourn -n __fish_use_subcommand -f -a help -d 'tell the options of a command'`,
    `complete -c sojourn -n '__fish_seen_subcommand_from help' -f -a '${commands.map(({ name }) => name).join(" ")}'`,
  ];
  return `# fish completion of sojourn: sojourn completion fish | source\n${[...top, ...words, ...options].join("\n")}\n`;
}

/** Within single quotes, and within brackets of zsh. */
function quoted(text: string): string {
  return text.replace(/['\\]/g, "").replace(/[[\]:]/g, (one) => (one === ":" ? "," : ""));
}
