//! The native environment: what all rovers of one JavaScript environment share, and the way to its thread.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{
    ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue as Unit,
};
use napi::{Env, Status};
use napi_derive::napi;

use super::outcome::{Arguments, arguments, internal, none};
use super::{addresses_of, invalid};
use crate::env::Environment;
use crate::env::handoff::{Handoff, is_main_thread};
use crate::env::outbox::Outbox;
use crate::net::endpoint::{AddressPolicy, Order};
use crate::rover::delivery::Delivery;
use crate::runtime::{Wake, wake_before_park};

/// Not the queue of it, but its being referenced keeps the process alive.
type Waker = ThreadsafeFunction<(), Unit, Arguments, Status, false, true>;

/// What all rovers of one JavaScript environment share.
#[napi(js_name = "Environment")]
pub struct NativeEnvironment {
    environment: Arc<Environment<Delivery>>,
    handoff: Rc<RefCell<Handoff>>,
    /// How to reach JavaScript: as long as the environment is open. It holds `deliver`, and so all that belongs to
    /// the realm of it.
    waker: Arc<Mutex<Option<Waker>>>,
}

#[napi]
impl NativeEnvironment {
    /// An environment that is closed.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env) -> napi::Result<Self> {
        let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
        let waking = Arc::clone(&waker);
        let wake: Wake = Arc::new(move || {
            if let Some(waker) = &*waking.lock().unwrap_or_else(PoisonError::into_inner) {
                // Refused only when the environment is going down; the outbox still owns the outcome.
                let _ = waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        });
        let outbox = Outbox::new(move || wake_before_park(&wake));
        let environment = Arc::new(Environment::new(outbox));
        let handoff = Rc::new(RefCell::new(Handoff::new(!is_main_thread())));
        env.add_env_cleanup_hook(
            (Arc::downgrade(&environment), Rc::downgrade(&handoff)),
            |(environment, handoff)| {
                // A panic here would abort the process.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    if let Some(environment) = environment.upgrade() {
                        environment.shut_down();
                    }
                    if let Some(handoff) = handoff.upgrade() {
                        handoff.borrow_mut().close_all();
                    }
                }));
            },
        )?;
        Ok(Self { environment, handoff, waker })
    }

    /// Opens the way to JavaScript: `deliver` is called once for each outcome, each time as a callback of its own.
    /// Does not keep the process alive.
    #[napi(
        catch_unwind,
        ts_args_type = "deliver: (kind: OutcomeKind, context: number, server: number, number: number, \
                        detail: string | string[] | null, change: ServerChange, attempt: number) => void"
    )]
    pub fn open(&self, deliver: Function<Arguments, Unit>) -> napi::Result<()> {
        let (taking_from, offering_to) =
            (Arc::downgrade(&self.environment), Rc::downgrade(&self.handoff));
        let waker = deliver
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(move |_| {
                // A panic here would abort the process.
                let arguments = catch_unwind(AssertUnwindSafe(|| {
                    let taken = taking_from.upgrade()?.outbox.take()?.take()?;
                    let handoff = offering_to.upgrade()?;
                    Some(arguments(taken, &mut handoff.borrow_mut()))
                }));
                Ok(arguments.unwrap_or_else(|_| Some(internal("panic"))).unwrap_or_else(none))
            })?;
        self.replace_waker(Some(waker));
        self.environment.outbox.rewake();
        Ok(())
    }

    /// Closes the way to JavaScript, and lets go of `deliver`.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.replace_waker(None);
    }

    /// Keeps the process alive as long as the environment is open.
    #[napi(catch_unwind, js_name = "ref")]
    #[allow(deprecated, reason = "napi has no other way to toggle it, but unsafe calls")]
    pub fn refer(&self, env: Env) -> napi::Result<()> {
        self.with_waker(|waker| waker.refer(&env))
    }

    /// Keeps the process alive no more.
    #[napi(catch_unwind)]
    #[allow(deprecated, reason = "napi has no other way to toggle it, but unsafe calls")]
    pub fn unref(&self, env: Env) -> napi::Result<()> {
        self.with_waker(|waker| waker.unref(&env))
    }

    /// The descriptor of the connection that is being delivered. `confirm` or `abort` must follow.
    #[napi(catch_unwind)]
    pub fn claim(&self) -> napi::Result<i64> {
        let number = self
            .handoff
            .borrow_mut()
            .claim()
            .ok_or_else(|| napi::Error::from_reason("No descriptor is on offer"))?;
        Ok(number as i64)
    }

    /// A socket has the descriptor.
    #[napi(catch_unwind)]
    pub fn confirm(&self) {
        self.handoff.borrow_mut().confirm();
    }

    /// No socket has the descriptor: closes it.
    #[napi(catch_unwind)]
    pub fn abort(&self) {
        self.handoff.borrow_mut().abort();
    }

    /// Sets which addresses of a name are tried where the server does not say it: their order, 0 as the system says,
    /// 4 or 6 for that family first; and the head start of each over the next in milliseconds, 0 for the first one
    /// only.
    #[napi(catch_unwind)]
    pub fn set_address_policy(&self, order: u32, head_start: f64) -> napi::Result<()> {
        let order = match order {
            0 => Order::Verbatim,
            4 => Order::Ipv4First,
            6 => Order::Ipv6First,
            _ => return Err(invalid("order")),
        };
        self.environment.set_policy(AddressPolicy { addresses: addresses_of(head_start), order });
        Ok(())
    }

    /// Sets what is told besides outcomes: 1 each attempt as it is made, 2 each rejection; or the sum.
    #[napi(catch_unwind)]
    pub fn observe(&self, observables: u8) {
        self.environment.observe(observables);
    }
}

impl NativeEnvironment {
    /// What rovers share.
    pub fn shared(&self) -> &Arc<Environment<Delivery>> {
        &self.environment
    }

    fn replace_waker(&self, waker: Option<Waker>) {
        let before = std::mem::replace(
            &mut *self.waker.lock().unwrap_or_else(PoisonError::into_inner),
            waker,
        );
        drop(before);
    }

    fn with_waker(&self, act: impl FnOnce(&mut Waker) -> napi::Result<()>) -> napi::Result<()> {
        match &mut *self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(waker) => act(waker),
            None => Ok(()),
        }
    }
}
