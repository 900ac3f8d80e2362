//! From what is to be answered to `response.done`: turns of the conversation, told as responses.

mod asking;
mod telling;

use serde_json::{Map, Value, json};

use super::{
    Effect, Fault, Protocol, SoundPath,
    items::Item,
    read::Fields,
    response::{Outcome, Response, Saying, Terms},
    session::{self, Modality, SoundFormat},
};
use crate::{
    domain::{AnswerTerms, ChatCommand, Failure, TurnId},
    limits::Allowance,
};

/// What the tutor is asked when a response is wanted and there is nothing to answer.
const OPENING: &str = "Greet the learner and begin the conversation.";

impl Protocol {
    pub(super) fn create_response(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let empty = Map::new();
        let wanted = super::older::lifted(event.object("response")?.unwrap_or(&empty));
        let fields = Fields::new(&wanted, "response");
        let kinds = [("auto", true), ("none", false)];
        let is_in_conversation = fields.choice("conversation", &kinds)?.unwrap_or(true);
        let terms = self.terms(fields, is_in_conversation)?;
        let instructions = session::instructions(fields)?;
        if !is_in_conversation {
            let input = fields.list("input")?;
            return self.ask_beside(terms, instructions, input);
        }
        if let Some(active) = self.responses.iter().find(|one| one.is_in_conversation()) {
            let message =
                format!("Conversation already has an active response in progress: {}.", active.id);
            return Err(Fault::new("conversation_already_has_active_response", message));
        }
        let saying = match fields.list("input")? {
            Some(input) => self.saying(input)?,
            None => Saying { items: std::mem::take(&mut self.unsaid), ..Saying::default() },
        };
        self.respond(terms, Saying { instructions, ..saying });
        Ok(())
    }

    /// The learner has finished speaking, and is to be answered.
    pub(super) fn answer_voice(&mut self) {
        let is_busy = self.responses.iter().any(Response::is_in_conversation);
        if is_busy && !self.session.manner().interrupts {
            // What was said waits until the client wants an answer.
            return;
        }
        let items = std::mem::take(&mut self.unsaid);
        let saying = Saying { items, ..Saying::default() };
        let terms = self.usual_terms();
        // Whatever is still being made is interrupted by what the learner says.
        self.cancel_where(|response| response.is_in_conversation(), "turn_detected");
        self.respond(terms, saying);
    }

    /// Nobody has spoken: the tutor does, with that beside what the app asks.
    pub(super) fn respond_to_silence(&mut self, prompt: &str) {
        let instructions = Some(format!("{}\n{prompt}", self.session.instructions()));
        let saying = Saying { instructions, ..Saying::default() };
        let terms = self.usual_terms();
        self.respond(terms, saying);
    }

    pub(super) fn cancel_response(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let id = event.text("response_id")?;
        let is_meant = |response: &Response| match id {
            Some(id) => response.id == id,
            None => response.is_in_conversation(),
        };
        if !self.cancel_where(is_meant, "client_cancelled") {
            let message = "Cancellation failed: no active response found";
            return Err(Fault::new("response_cancel_not_active", message));
        }
        Ok(())
    }

    /// Whoever hears no more of an item wants no more of it.
    pub(super) fn cancel_item(&mut self, item: &str) {
        let reason = self.reason_to_stop();
        self.cancel_where(|response| response.item == item, reason);
    }

    /// What was committed has its words: the response that waits for them is begun.
    pub(super) fn say_what_waits(&mut self) {
        let ready = self.responses.iter().position(|response| {
            let items = response.waits.as_ref().map(|saying| &saying.items);
            items.is_some_and(|items| !items.iter().any(|item| self.is_awaited(item)))
        });
        let Some(place) = ready else { return };
        let id = self.responses[place].id.clone();
        if let Some(saying) = self.responses[place].waits.take() {
            self.say(id, saying);
        }
    }

    /// What became of what was said to the conversation.
    pub(super) fn said(&mut self, id: &str, answer: Result<TurnId, Failure>) {
        if let Some(place) = self.given_up.iter().position(|given_up| given_up == id) {
            self.given_up.remove(place);
            self.effects.extend(answer.ok().map(Effect::Stop));
            return;
        }
        let Some(place) = self.responses.iter().position(|response| response.id == id) else {
            return;
        };
        match answer {
            Ok(turn) => self.responses[place].turn = Some(turn),
            Err(failure) => self.finish(place, &Outcome::Failed(Fault::from(&failure))),
        }
    }

    fn respond(&mut self, terms: Terms, saying: Saying) {
        let id = self.open(terms);
        if let Some(response) = self.responses.iter_mut().find(|response| response.id == id) {
            response.waits = Some(saying);
        }
        self.say_what_waits();
    }

    fn say(&mut self, id: String, saying: Saying) {
        let Saying { items, text, mut results, instructions } = saying;
        let found = self.items.all().iter().filter(|item| items.contains(&item.id));
        let (found, called): (Vec<&Item>, Vec<&Item>) =
            found.partition(|item| item.role() == "user");
        results.extend(called.into_iter().filter_map(|item| self.items.result(item)));
        let is_spoken = found.iter().any(|item| item.message.is_some());
        let verbatim = is_spoken.then(|| joined(found.iter().map(|item| item.text())));
        let message = |item: &Item| item.message.clone().unwrap_or_else(|| item.text());
        let text = text.unwrap_or_else(|| joined(found.into_iter().map(message)));
        let Some(place) = self.responses.iter().position(|response| response.id == id) else {
            return;
        };
        let has_nothing = text.trim().is_empty() && results.is_empty();
        if has_nothing && !items.is_empty() {
            let fault = Fault::new("nothing_heard", "No words were heard in the committed audio.");
            return self.finish(place, &Outcome::Failed(fault));
        }
        let opens = has_nothing && self.session.instructions().is_empty();
        let instructions = instructions.or_else(|| opens.then(|| OPENING.to_owned()));
        let choice = self.session.choice(instructions, &self.items.system_text());
        let client_id = Some(id.clone());
        let Terms { tools, .. } = &self.responses[place].terms;
        let max_tokens = self.responses[place].terms.max_tokens();
        let terms = AnswerTerms { tools: tools.clone(), results, max_tokens };
        let command = ChatCommand { text, stream: true, choice, client_id, verbatim, terms };
        self.effects.push(Effect::Say { response: id, command });
    }

    /// A response begins.
    fn open(&mut self, mut terms: Terms) -> String {
        // A carrier has a format of its own, whatever its client asks for.
        if self.path == SoundPath::Carrier {
            terms.format = SoundFormat::Pcm;
        }
        let names = (self.names.next("resp"), self.names.next("item"));
        let response = Response::new(names, terms);
        let id = response.id.clone();
        self.tell(response.created());
        let limits: Vec<_> = self.allowance().map(shown_limit).into_iter().collect();
        self.tell(("rate_limits.updated", json!({"rate_limits": limits})));
        if response.is_in_conversation() {
            self.end_quiet();
        }
        self.responses.push(response);
        id
    }

    fn cancel_where(&mut self, is_meant: impl Fn(&Response) -> bool, reason: &'static str) -> bool {
        let mut found = false;
        while let Some(place) = self.responses.iter().position(&is_meant) {
            found = true;
            let response = &self.responses[place];
            let id = response.id.clone();
            match (&response.turn, response.is_in_conversation()) {
                (Some(turn), _) => self.effects.push(Effect::Stop(turn.clone())),
                (None, false) => self.effects.push(Effect::DropAsk { response: id }),
                (None, true) if response.waits.is_none() => self.given_up.push(id),
                (None, true) => {}
            }
            self.finish(place, &Outcome::Cancelled(reason));
        }
        found
    }

    pub(super) fn usual_terms(&self) -> Terms {
        Terms {
            modality: self.session.modality,
            format: self.session.output().format,
            audio_output: self.session.output().shown(),
            max_output_tokens: self.session.max_output_tokens().clone(),
            tools: self.session.tools().usable(),
            metadata: Value::Null,
            conversation: Some(self.conversation.clone()),
        }
    }

    fn terms(&self, fields: Fields<'_>, is_in_conversation: bool) -> Result<Terms, Fault> {
        let usual = self.usual_terms();
        let modality = Modality::read(fields, "output_modalities")?.unwrap_or(usual.modality);
        let metadata = fields.object("metadata")?.map_or(Value::Null, |map| json!(map));
        let format = match fields.object("audio")? {
            Some(audio) => output_format(audio)?.unwrap_or(usual.format),
            None => usual.format,
        };
        let conversation = usual.conversation.clone().filter(|_| is_in_conversation);
        let limit = session::max_output_tokens(fields)?;
        let max_output_tokens = limit.unwrap_or_else(|| usual.max_output_tokens.clone());
        let tools = self.session.tools().merged(fields)?.usable();
        let terms = Terms { modality, format, metadata, conversation, ..usual };
        Ok(Terms { max_output_tokens, tools, ..terms })
    }
}

/// A response takes one of what is left.
fn shown_limit(allowance: Allowance) -> Value {
    let remaining = allowance.remaining.saturating_sub(1);
    let left = Allowance { remaining, ..allowance };
    json!({
        "name": "requests", "limit": left.limit, "remaining": left.remaining,
        "reset_seconds": left.full_in(),
    })
}

/// What is said, a line each.
fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn output_format(audio: &Map<String, Value>) -> Result<Option<SoundFormat>, Fault> {
    let audio = Fields::new(audio, "response.audio");
    let Some(output) = audio.object("output")? else { return Ok(None) };
    SoundFormat::read(Fields::new(output, "response.audio.output"), "format")
}
