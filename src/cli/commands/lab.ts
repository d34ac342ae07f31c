// fiducial lab: the page that opens up a network, served on this machine.
import { once } from "node:events";
import { DONE } from "../errors.ts";
import { serveLab } from "../lab-server.ts";
import { integer, printing } from "../options.ts";
import { command, type Command } from "./command.ts";

export const labCommand: Command = command({
  name: "lab",
  summary:
    "Serves the lab, a page in which a convolutional network is opened up, on this machine alone, until Ctrl-C.",
  options: {
    port: integer({
      default: 4321,
      from: 0,
      to: 65535,
      help: "the port on 127.0.0.1; 0 takes a free one",
    }),
    ...printing,
  },
  async perform({ port }, terminal) {
    const { server, url } = await serveLab(port);
    terminal.print(`The lab is at ${url} until Ctrl-C. Nothing leaves this machine.\n`);
    terminal.json({ url });
    await once(server, "close");
    return DONE;
  },
});
