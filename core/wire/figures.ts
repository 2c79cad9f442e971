/**
 * The paper's Figures 4 to 7 as tables: the charts in PROTOCOL.md are drawn from them, and a run's trace is held to
 * them (test/support/paper-steps.ts).
 *
 * The order is a partial one, for parts that work at the same time: `after` names the steps that must be over before
 * this one begins. Where that is not simply the step before, or where a step is done otherwise than in the paper,
 * `differs` says why.
 */

/** MN asks for the tunnel, CN is its correspondent node; each has a DC and an NS of its own. */
export type Part = 'MN' | 'CN' | 'AS' | 'DC_MN' | 'DC_CN' | 'NS_MN' | 'NS_CN' | 'RS';

export interface FigureStep {
  readonly step: number;
  /** The same when it is done inside of one part. */
  readonly from: Part;
  readonly to: Part;
  readonly what: string;
  readonly after: readonly number[];
  /** These parts trace it, too, as what they do of their own. */
  readonly also?: readonly Part[];
  /** Left out when there is no NS. */
  readonly withNotification?: true;
  /** Left out when DC_MN has met DC_CN in the last minutes. */
  readonly firstMeeting?: true;
  readonly differs?: string;
}

export interface Figure {
  readonly number: 4 | 5 | 6 | 7;
  readonly title: string;
  readonly parts: readonly Part[];
  readonly steps: readonly FigureStep[];
}

type More = Omit<FigureStep, 'step' | 'from' | 'to' | 'what' | 'after'> & { readonly after?: readonly number[] };

/** After the step before, unless `more` says otherwise. */
function step(number: number, from: Part, to: Part, what: string, more: More = {}): FigureStep {
  return { ...{ step: number, from, to, what, after: number > 1 ? [number - 1] : [] }, ...more };
}

const withNotification = true;
const firstMeeting = true;

const figure4: Figure = {
  number: 4,
  title: 'Authentication',
  parts: ['MN', 'AS', 'DC_MN', 'NS_MN'],
  steps: [
    step(1, 'MN', 'MN', 'the program starts to join'),
    step(2, 'MN', 'AS', 'Configuration Request'),
    step(3, 'AS', 'MN', 'Configuration Response'),
    step(4, 'MN', 'MN', 'configured'),
    step(5, 'MN', 'AS', 'Login Request'),
    step(6, 'AS', 'DC_MN', 'Key Distribution'),
    step(7, 'DC_MN', 'AS', 'Key Distribution Ack'),
    step(8, 'AS', 'MN', 'Login Response'),
    step(9, 'MN', 'DC_MN', 'Registration Request'),
    step(10, 'DC_MN', 'NS_MN', 'Notification Service Request', { withNotification }),
    step(11, 'NS_MN', 'DC_MN', 'Notification Service Ack', { withNotification }),
    step(12, 'DC_MN', 'MN', 'Registration Response', { after: [9, 11] }),
    step(13, 'MN', 'DC_MN', 'Keep Alive'),
    step(14, 'MN', 'NS_MN', 'Notification Registration', {
      ...{ withNotification, after: [12] },
      differs: 'it goes at once, beside the keep alive of step 13: neither needs the other.',
    }),
    step(15, 'NS_MN', 'MN', 'Notification Registration Ack', { withNotification }),
    step(16, 'MN', 'NS_MN', 'Keep Alive', { withNotification }),
    step(17, 'MN', 'MN', 'the program is told', {
      after: [12],
      differs:
        'the program is told as soon as the node is registered: from then on it can dial and be dialled. Steps 14 to 16 run meanwhile.',
    }),
  ],
};

const figure5: Figure = {
  number: 5,
  title: 'Tunnel construction, MN reachable and CN behind a NAT',
  parts: ['MN', 'DC_MN', 'DC_CN', 'NS_CN', 'CN'],
  steps: [
    step(1, 'MN', 'MN', "the program asks for CN's name"),
    step(2, 'MN', 'DC_MN', 'Direction Request'),
    step(3, 'DC_MN', 'DC_MN', "NS record of CN's name", {
      firstMeeting,
      differs:
        'the DNS is asked, and at the same time the AS, which vouches for the key of the DC of that zone (Coordinator Request): a name server proves nothing. Both wait for the slower one only.',
    }),
    step(4, 'DC_MN', 'DC_CN', 'Key Distribution', { firstMeeting }),
    step(5, 'DC_CN', 'DC_MN', 'Key Distribution Ack', { firstMeeting }),
    step(6, 'DC_MN', 'DC_CN', 'NTM Information Request', {
      after: [2, 5],
      differs: 'a DC that was met in the last five minutes is asked at once, without steps 3 to 5.',
    }),
    step(7, 'DC_CN', 'DC_MN', 'NTM Information Response'),
    step(8, 'DC_MN', 'DC_CN', 'Route Direction'),
    step(9, 'DC_CN', 'NS_CN', 'Notification Request', { withNotification }),
    step(10, 'NS_CN', 'CN', 'Notification', { withNotification }),
    step(11, 'CN', 'DC_CN', 'Notification Ack', { withNotification }),
    step(12, 'DC_CN', 'CN', 'Route Direction', {
      after: [8],
      differs:
        'when CN was heard of within 28 s its NAT lets this in, and it is sent at the same time as step 9; otherwise after step 11.',
    }),
    step(13, 'CN', 'DC_CN', 'Route Direction Ack'),
    step(14, 'DC_CN', 'DC_MN', 'Route Direction Ack'),
    step(15, 'DC_MN', 'MN', 'Route Direction'),
    step(16, 'MN', 'DC_MN', 'Route Direction Ack'),
    step(17, 'CN', 'MN', 'Tunnel Request', {
      after: [13],
      differs:
        'CN sends it as soon as it is told, while steps 14 to 16 are under way: it may arrive before step 15, and MN then holds it, unanswered, until its DC has introduced CN.',
    }),
    step(18, 'MN', 'CN', 'Tunnel Response', {
      after: [15, 17],
      differs: 'it needs the key of step 15, but not that step 16 has arrived.',
    }),
    step(19, 'MN', 'MN', 'tunnel constructed', {
      also: ['CN'],
      differs:
        "in WireGuard the answering side may send once the other has used the new keys: it is the arrival of CN's keep alive, step 20, that tells MN.",
    }),
    step(20, 'CN', 'MN', 'Keep Alive', {
      ...{ after: [18], also: ['MN', 'CN'] },
      differs: 'CN sends it: it holds the mapping of the NAT, which is on the side of CN, and confirms the keys.',
    }),
    step(21, 'MN', 'MN', 'the program communicates', { after: [19], also: ['CN'] }),
  ],
};

const figure6: Figure = {
  number: 6,
  title: 'Data communication',
  parts: ['MN', 'CN'],
  steps: [
    step(1, 'MN', 'MN', 'the virtual TCP/IP stack makes a packet'),
    step(2, 'MN', 'MN', 'it is encapsulated'),
    step(3, 'MN', 'CN', 'encapsulated packet'),
    step(4, 'CN', 'MN', 'encapsulated packet', {
      differs: 'traced for the first packet of each direction: there may be millions.',
    }),
    step(5, 'MN', 'MN', 'it is decapsulated'),
    step(6, 'MN', 'MN', 'the virtual TCP/IP stack takes the packet'),
  ],
};

const figure7: Figure = {
  number: 7,
  title: 'MN changes to a private network, and the tunnel goes through an RS',
  parts: ['MN', 'DC_MN', 'NS_MN', 'DC_CN', 'NS_CN', 'RS', 'CN'],
  steps: [
    step(1, 'MN', 'MN', "the host's addresses are others", {
      differs:
        'Linux tells of addresses, links and routes when they change, by way of iproute2; elsewhere they are looked at twice a second. Correspondent nodes hear of it at once, by a notice inside each tunnel, beside steps 2 to 34. Several changes in a moment are one.',
    }),
    step(2, 'MN', 'MN', 'handover begins'),
    step(3, 'MN', 'DC_MN', 'Registration Request'),
    step(4, 'DC_MN', 'NS_MN', 'Notification Service Request', { withNotification }),
    step(5, 'NS_MN', 'DC_MN', 'Notification Service Ack', {
      withNotification,
      differs: 'the paper says "to MN"; it goes to DC_MN, whose request it answers, as step 11 of Figure 4 does.',
    }),
    step(6, 'DC_MN', 'MN', 'Registration Response', { after: [3, 5] }),
    step(7, 'MN', 'DC_MN', 'Keep Alive'),
    step(8, 'MN', 'NS_MN', 'Notification Registration', {
      ...{ withNotification, after: [6] },
      differs: 'over a new TCP connection, beside steps 7 and 11: none of them needs another.',
    }),
    step(9, 'NS_MN', 'MN', 'Notification Registration Ack', { withNotification }),
    step(10, 'MN', 'NS_MN', 'Keep Alive', { withNotification }),
    step(11, 'MN', 'DC_MN', 'Direction Request', {
      after: [3],
      differs:
        'for every correspondent node to which there is a tunnel, right after step 3: DC_MN takes the source of what comes from MN for where it is, so that step 6 need not be waited for.',
    }),
    step(12, 'DC_MN', 'DC_MN', "NS record of CN's name", { firstMeeting }),
    step(13, 'DC_MN', 'DC_CN', 'Key Distribution', { firstMeeting }),
    step(14, 'DC_CN', 'DC_MN', 'Key Distribution Ack', { firstMeeting }),
    step(15, 'DC_MN', 'DC_CN', 'NTM Information Request', {
      after: [11, 14],
      differs: 'without steps 12 to 14 when DC_MN met DC_CN in the last five minutes: it has an address and a key.',
    }),
    step(16, 'DC_CN', 'DC_MN', 'NTM Information Response'),
    step(17, 'DC_MN', 'RS', 'Relay Direction'),
    step(18, 'RS', 'DC_MN', 'Relay Direction Ack', {
      differs: 'the paper says "to MN"; it goes to DC_MN, which tells both nodes the path in steps 19 and 26.',
    }),
    step(19, 'DC_MN', 'DC_CN', 'Route Direction'),
    step(20, 'DC_CN', 'NS_CN', 'Notification Request', { withNotification }),
    step(21, 'NS_CN', 'CN', 'Notification', { withNotification }),
    step(22, 'CN', 'DC_CN', 'Notification Ack', { withNotification }),
    step(23, 'DC_CN', 'CN', 'Route Direction', {
      after: [19],
      differs: 'at the same time as step 20 when CN was heard of lately, as step 12 of Figure 5.',
    }),
    step(24, 'CN', 'DC_CN', 'Route Direction Ack'),
    step(25, 'DC_CN', 'DC_MN', 'Route Direction Ack'),
    step(26, 'DC_MN', 'MN', 'Route Direction'),
    step(27, 'MN', 'DC_MN', 'Route Direction Ack'),
    step(28, 'CN', 'RS', 'Relay Bind', {
      ...{ after: [24], also: ['MN'] },
      differs:
        'sent to the RS, sealed and answered: where it comes from is where the RS sends to. It goes at once, beside steps 25 to 27. MN binds its side as well, before step 29.',
    }),
    step(29, 'MN', 'RS', 'Tunnel Request', { after: [26] }),
    step(30, 'RS', 'CN', 'Tunnel Request', { after: [28, 29] }),
    step(31, 'CN', 'RS', 'Tunnel Response'),
    step(32, 'RS', 'MN', 'Tunnel Response'),
    step(33, 'MN', 'MN', 'tunnel constructed', {
      also: ['CN'],
      differs: 'the program is told nothing: its connections go on.',
    }),
    step(34, 'MN', 'CN', 'Keep Alive', {
      ...{ after: [32], also: ['MN', 'CN'] },
      differs: 'sent with the end of step 32: it confirms the keys to CN, which may only then send under them.',
    }),
  ],
};

export const figures: readonly Figure[] = [figure4, figure5, figure6, figure7];

export function figureOf(number: Figure['number']): Figure {
  return figures.find((figure) => figure.number === number)!;
}
