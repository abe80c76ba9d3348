//! An attached XDP program, printed as for a user who may not ask for programs
//! by number (`xdp_dump`).

use fingerpost_model::{Attr, LinkMsg};

use super::wire::{find, nested, u8_of, u32_of};
use crate::Ctx;
use crate::output::Output;

const IFLA_XDP: u16 = 43;
const ATTACHED: u16 = 2;
const PROG_ID: u16 = 4;

/// Places where a program can be: attribute, name, mode number.
const PLACES: [(u16, &str, u8); 3] = [(6, "generic", 2), (5, "drv", 1), (7, "offload", 3)];
const MULTI: u8 = 4;

/// The mode and the attributes, if a program is attached.
fn attached(m: &LinkMsg) -> Option<(u8, Vec<Attr>)> {
    let attrs = nested(find(&m.other, IFLA_XDP)?);
    let mode = find(&attrs, ATTACHED).and_then(u8_of)?;
    (mode != 0).then_some((mode, attrs))
}

/// The mode, on the first line; with the number where no details follow.
pub(crate) fn mode(ctx: &mut Ctx<'_>, m: &LinkMsg, do_link: bool) {
    let Some((mode, attrs)) = attached(m) else { return };
    let id = find(&attrs, PROG_ID).and_then(u32_of).filter(|&id| id != 0);
    let out = &mut ctx.p.out;
    if out.is_json() {
        return json(out, mode, &attrs);
    }
    match mode {
        1 => out.fp("xdp"),
        2 => out.fp("xdpgeneric"),
        3 => out.fp("xdpoffload"),
        MULTI => out.fp("xdpmulti"),
        other => out.fp_fmt(format_args!("xdp[{other}]")),
    }
    if let (false, Some(id)) = (do_link, id) {
        out.fp_fmt(format_args!("/id:{id}"));
    }
    out.fp(" ");
}

/// The programs, a line for each.
pub(crate) fn details(ctx: &mut Ctx<'_>, m: &LinkMsg) {
    let Some((mode, attrs)) = attached(m) else { return };
    let sl = ctx.p.out.sl();
    let places = [(PROG_ID, "", 0)].into_iter().chain(PLACES.into_iter().filter(|_| mode == MULTI));
    for (kind, name, _) in places {
        if let Some(id) = find(&attrs, kind).and_then(u32_of).filter(|&id| id != 0) {
            ctx.p.out.fp_fmt(format_args!("{sl}    prog/xdp{name} id {id} "));
        }
    }
}

fn json(out: &mut Output<'_>, mode: u8, attrs: &[Attr]) {
    let program = |kind: u16| find(attrs, kind).and_then(u32_of);
    out.open_object(Some("xdp"));
    out.json_num("mode", mode);
    if let Some(id) = program(PROG_ID).filter(|&id| id != 0) {
        one(out, id);
    }
    out.open_array(Some("attached"));
    let mut list: Vec<(u32, u8)> =
        PLACES.iter().filter_map(|&(kind, _, mode)| Some((program(kind)?, mode))).collect();
    if list.is_empty() {
        list.extend(program(PROG_ID).map(|id| (id, mode)));
    }
    for (id, mode) in list {
        out.open_object(None);
        out.json_num("mode", mode);
        one(out, id);
        out.close_object();
    }
    out.close_array();
    out.close_object();
}

fn one(out: &mut Output<'_>, id: u32) {
    out.open_object(Some("prog"));
    out.json_num("id", id);
    out.close_object();
}
