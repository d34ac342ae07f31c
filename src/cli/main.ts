#!/usr/bin/env node
// The door: an old Node cannot even link the program, so this file asks for its version first and
// uses nothing that is new itself.
const OLDEST = 20;
if (Number(process.versions.node.split(".")[0]) < OLDEST) {
  process.stderr.write(
    `fiducial: this is Node ${process.versions.node}; it needs Node ${OLDEST} or newer\n`,
  );
  process.exitCode = 3;
} else {
  import("./program.ts").then(
    (program) => program.start(process.argv.slice(2)),
    (error) => {
      process.stderr.write(`fiducial: it is not whole, install it again: ${error.message}\n`);
      process.exitCode = 3;
    },
  );
}
