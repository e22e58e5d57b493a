// How the mill behaves: a few states, parts while it produces, and physics that follow. No I/O.
"use strict";

const CODES = { Idle: 0, Production: 1, Setup: 2, Delay: 3 };
const STAYS = { Idle: 10, Production: 90, Setup: 15, Delay: 8 };
const NEXT = { Idle: "Setup", Setup: "Production", Production: "Delay", Delay: "Production" };
const CYCLE_SECONDS = 4;

// The values shown, and beside them what is not: the state's name and the seconds left in it and in the cycle.
function start() {
  const mill = { GoodParts: 0, RejectedParts: 0, Power: 0.5, SpindleSpeed: 0, SpindleTemperature: 22, Program: "P100" };
  Object.defineProperty(mill, "hidden", { value: { state: "Setup", left: 3, cycle: CYCLE_SECONDS }, enumerable: false });
  return enter(mill, "Setup", 3);
}

function enter(mill, state, seconds) {
  Object.assign(mill.hidden, { state, left: seconds });
  return Object.assign(mill, { State: CODES[state], DoorClosed: state !== "Setup" });
}

function advance(mill, seconds) {
  const hidden = mill.hidden;
  hidden.left -= seconds;
  if (hidden.left <= 0) enter(mill, NEXT[hidden.state], STAYS[NEXT[hidden.state]]);
  const cutting = hidden.state === "Production";
  if (cutting && (hidden.cycle -= seconds) <= 0) {
    hidden.cycle += CYCLE_SECONDS;
    if ((mill.GoodParts + mill.RejectedParts) % 25 === 24) mill.RejectedParts += 1;
    else mill.GoodParts += 1;
  }
  mill.SpindleSpeed += ((cutting ? 1800 : 0) - mill.SpindleSpeed) * 0.3;
  mill.Power += ((cutting ? 7.5 : 0.6) - mill.Power) * 0.3;
  mill.SpindleTemperature += ((cutting ? 48 : 22) - mill.SpindleTemperature) * 0.01;
}

module.exports = { advance, start };
